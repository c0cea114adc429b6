#include "train/cmd/train.h"

#include <fmt/core.h>

#include "core/cli/parse.h"
#include "train/run/train.h"

namespace dermis {

int train_command(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app(
      "Trains a model by a recipe. Embedded recipes: pretrain, finetune, pretrain_finetune (dermis config print "
      "NAME).\n"
      "Exit codes: 3 also when training diverged, 130 after Ctrl-C, with the state saved for --resume",
      "train");
  std::string recipe;
  TrainOptions options;
  std::vector<std::string> overrides;
  std::string device, precision;
  app.add_option("RECIPE", recipe, "TOML file, or the name of an embedded recipe")->required();
  app.add_option("--out", options.out, "run folder: log, checkpoints, and the model in OUT/model")->required();
  app.add_option("--set", overrides, "override a value, e.g. --set 'stages[0].minutes=10'")->allow_extra_args(false);
  app.add_option("--device", device, "short for --set device=...: auto, cpu, cuda or cuda:N");
  app.add_option("--precision", precision, "short for --set precision=...: auto, fp32 or bf16");
  app.add_flag("--resume", options.resume, "go on from the newest whole checkpoint in OUT");
  app.add_flag("--changed-recipe", options.changed_recipe, "with --resume: although the recipe differs");
  if (!parse_arguments(app, arguments)) return 0;
  if (!device.empty()) overrides.push_back("device=" + device);
  if (!precision.empty()) overrides.push_back("precision=" + precision);
  const TrainSummary summary = train(read_recipe(recipe, overrides), options);
  fmt::print("{} steps in {:.0f} s: {}\n", summary.steps, summary.seconds, summary.model_folder);
  return 0;
}

}  // namespace dermis
