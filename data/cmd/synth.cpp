#include <fmt/core.h>

#include "core/cli/checks.h"
#include "core/cli/parse.h"
#include "core/error.h"
#include "data/cmd/verbs.h"
#include "data/fields/text.h"
#include "data/synth/synth.h"
#include "data/synth/template_teacher.h"

namespace dermis {
namespace {

// "a,b=2" -> {a: 1, b: 2}
std::map<std::string, double> type_weights(const std::string& list) {
  std::map<std::string, double> weights;
  for (const std::string& entry : split_values(list)) {
    const size_t equals = entry.find('=');
    char* end = nullptr;
    const std::string number = equals == std::string::npos ? "1" : entry.substr(equals + 1);
    const double weight = std::strtod(number.c_str(), &end);
    if (end == number.c_str() || *end != '\0' || !(weight >= 0)) {
      throw Error(ErrorKind::usage,
                  {.what = "weight is not a number of 0 or more", .where = "--types", .found = entry});
    }
    weights[trimmed(entry.substr(0, equals))] = weight;
  }
  return weights;
}

}  // namespace

int run_data_synth(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app("Makes question-answer records about items; writes OUT/records.jsonl, rejected.jsonl and a report.",
               "data synth");
  std::string items_path, plan_file, style = "short", types, field = "dermatology", teacher_name = "template";
  SynthOptions options;
  int questions = -1;
  uint64_t seed = 0;
  std::string splits;
  app.add_option("items", items_path, "items file")->required();
  app.add_option("--out", options.out, "folder to write into")->required();
  app.add_option("--teacher", teacher_name, "who answers: template");
  app.add_option("--style", style, "short | full: which question types take part");
  app.add_option("--types", types, "question types to draw from instead, e.g. diagnosis_closed,site_closed=0.5");
  app.add_option("--questions,--plan", plan_file,
                 "plan file (TOML): style, questions_per_item, always, weights, splits");
  app.add_option("--questions-per-item", questions, "records an item; 0: every type that fits")->check(non_negative());
  app.add_option("--splits", splits, "sides that get questions, e.g. train,val; all when absent");
  auto* seed_option = app.add_option("--seed", seed, "seed of all draws");
  app.add_option("--threads", options.threads, "threads")->check(CLI::Range(1, 256));
  app.add_option("--field", field, "field pack: a name or a folder");
  app.add_flag("--replace", options.replace, "replace the records of another run that OUT holds");
  if (!parse_arguments(app, arguments)) return 0;
  if (teacher_name != "template") {
    throw Error(ErrorKind::usage,
                {.what = "unknown teacher '" + teacher_name + "'", .where = "--teacher", .expected = "template"});
  }
  const FieldPack pack = load_field_pack(field);
  options.plan = default_plan(style);
  if (!plan_file.empty()) options.plan = read_plan(plan_file, options.plan);
  if (!types.empty()) {
    options.plan.weights = type_weights(types);
    check_types(options.plan, pack, "--types");
    std::erase_if(options.plan.always, [&](const auto& type) { return !options.plan.weights.contains(type); });
  }
  if (questions >= 0) options.plan.questions_per_item = questions;
  if (!splits.empty()) {
    options.plan.splits = split_values(splits);
    check_splits(options.plan, "--splits");
  }
  if (seed_option->count() > 0) options.plan.seed = seed;
  check_plan(options.plan, pack, plan_file.empty() ? "--style" : plan_file);
  const std::vector<Item> items = read_items(items_path);
  const auto teacher = make_template_teacher(pack);
  const SynthReport report = synthesise(items, pack, *teacher, options);
  fmt::print("{}\nreplies: {} asked, {} kept from before\nwrote {}/records.jsonl in {:.1f} s\n", report_text(report),
             report.asked, report.kept_from_before, options.out, report.seconds);
  return 0;
}

}  // namespace dermis
