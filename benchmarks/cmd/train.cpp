#include <fmt/format.h>

#include <cstdio>

#include "benchmarks/cmd/train.h"
#include "benchmarks/train.h"
#include "core/cli/checks.h"
#include "core/cli/parse.h"

namespace dermis {

int bench_train_command(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app("Training speed and memory on random batches, against transformers and PyTorch", "bench train");
  TrainBenchOptions options;
  app.add_option("--preset", options.preset, "geometry: nano or small")->capture_default_str();
  app.add_flag("--mixed", options.mixed, "answers of mixed length, which a padding trainer pays for");
  app.add_option("--repeats", options.repeats, "timed repeats, interleaved with the peer's")->capture_default_str();
  app.add_option("--steps", options.steps, "steps a repeat (0: about a second's worth)")->capture_default_str();
  app.add_option("--threads", options.threads, "threads of the computation")
      ->capture_default_str()
      ->check(thread_count());
  app.add_option("--batch", options.batch, "samples a step (0: the preset's)")->capture_default_str();
  app.add_option("--device", options.device, "auto (a GPU when there is one), cpu, cuda or cuda:N")
      ->capture_default_str();
  app.add_option("--precision", options.precision, "auto (bf16 where the GPU's kernels take the model), fp32 or bf16")
      ->capture_default_str();
  app.add_option("--peer", options.peer,
                 "Python of an environment with torch and transformers; our own figures are printed before it starts");
  app.add_option("--peer-script", options.peer_script, "the peer's program")->capture_default_str();
  app.add_option("--peer-modes", options.peer_modes, "how the peer runs, separated by commas: eager, compile")
      ->delimiter(',')
      ->check(CLI::IsMember({"eager", "compile"}))
      ->capture_default_str();
  if (!parse_arguments(app, arguments)) return 0;
  const TrainBenchResult result = bench_train(options, [&](const TrainBenchResult& alone) {
    fmt::print("{}", describe(options, alone));
    std::fflush(stdout);
  });
  fmt::print("{}", describe(options, result));
  return 0;
}

}  // namespace dermis
