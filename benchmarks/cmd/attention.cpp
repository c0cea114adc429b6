#include "benchmarks/cmd/attention.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "benchmarks/attention.h"
#include "core/cli/parse.h"

namespace dermis {

int bench_attention_command(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app("Attention with interval masks against ATen's operator with a dense mask, fp32 on the CPU",
               "bench attention");
  AttentionBenchOptions options;
  app.add_option("--rounds", options.rounds, "timed rounds, contenders interleaved")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--threads", options.threads, "threads of the computation")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--size", options.sizes,
                 fmt::format("only these sizes: {}", fmt::join(attention_bench_sizes(), ", ")));
  if (!parse_arguments(app, arguments)) return 0;
  fmt::print("{}", describe(bench_attention(options)));
  return 0;
}

}  // namespace dermis
