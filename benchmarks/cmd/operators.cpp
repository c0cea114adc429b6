#include "benchmarks/cmd/operators.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "benchmarks/cmd/bench_device.h"
#include "benchmarks/operators/bench.h"
#include "benchmarks/operators/report.h"
#include "core/cli/checks.h"
#include "core/cli/parse.h"
#include "core/io/atomic_file.h"
#include "core/io/atomic_folder.h"

namespace dermis {
namespace {

void write_files(const std::string& folder, const ContestResult& result) {
  const std::filesystem::path path(folder);
  write_file_atomically((path / "operators.md").string(), operators_markdown(result));
  write_file_atomically((path / "operators.json").string(), to_json("operators", result).dump(1) + "\n");
}

void show(const ContestResult& so_far, const std::string& out) {
  fmt::print(stderr, "{}\n", operator_line(so_far.rows.back()));
  if (!out.empty()) write_files(out, so_far);
}

}  // namespace

int bench_operators_command(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app(
      "Bandwidth of the fused operators but attention, as a share of a copy's in the same run, and against LibTorch's "
      "operators: fp32 on the CPU, bf16 on a GPU",
      "bench operators");
  OperatorBenchOptions options;
  std::string device = "auto", out;
  bool quick = false;
  int rounds = 30;
  app.add_option("--device", device, "auto: a GPU when there is one")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}));
  app.add_option("--rounds", rounds, "timed rounds, contenders interleaved")->capture_default_str()->check(positive());
  app.add_flag("--quick", quick, "a fifth of the rounds");
  app.add_option("--threads", options.threads, "threads of the CPU")->capture_default_str()->check(thread_count());
  app.add_option("--only", options.only, "only these operators, of the list that an unknown name prints");
  app.add_option("--out", out, "folder for operators.md and operators.json, written anew after every row");
  if (!parse_arguments(app, arguments)) return 0;
  options.device = bench_device(device, "operators");
  options.rounds = quick ? std::max(1, rounds / 5) : rounds;
  if (!out.empty()) make_folder(out);  // now rather than after the first measurement
  const ContestResult result = bench_operators(options, [&](const ContestResult& so_far) { show(so_far, out); });
  fmt::print("{}\n{}\n", operators_markdown(result), to_json("operators", result).dump());
  refuse_failures("dermis bench operators", result);
  return 0;
}

}  // namespace dermis
