#include "benchmarks/cmd/operators.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "benchmarks/cmd/bench_device.h"
#include "benchmarks/operators/bench.h"
#include "benchmarks/operators/report.h"
#include "core/cli/parse.h"
#include "core/error.h"
#include "core/io/atomic_file.h"

namespace dermis {
namespace {

void write_files(const std::string& folder, const ContestResult& result) {
  const std::filesystem::path path(folder);
  std::filesystem::create_directories(path);
  write_file_atomically((path / "operators.md").string(), operators_markdown(result));
  write_file_atomically((path / "operators.json").string(), to_json("operators", result).dump(1) + "\n");
}

void show(const ContestResult& so_far, const std::string& out) {
  fmt::print(stderr, "{}\n", operator_line(so_far.rows.back()));
  if (!out.empty()) write_files(out, so_far);
}

void check_none_failed(const ContestResult& result) {
  const std::vector<std::string> failed = failed_operators(result);
  if (failed.empty()) return;
  throw Error(ErrorKind::internal, {.what = fmt::format("{} of {} rows failed", failed.size(), result.rows.size()),
                                    .where = "dermis bench operators",
                                    .expected = "results of our operators as LibTorch's in higher precision",
                                    .found = fmt::format("{}", fmt::join(failed, "; ")),
                                    .fix = "run 'dermis selftest', and report what it prints"});
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
  int rounds = 0;
  app.add_option("--device", device, "auto: a GPU when there is one")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}));
  app.add_option("--rounds", rounds, "timed rounds, contenders interleaved; default 30 on a GPU, 10 on the CPU")
      ->check(CLI::PositiveNumber);
  app.add_flag("--quick", quick, "a fifth of the rounds");
  app.add_option("--threads", options.threads, "threads of the CPU")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--only", options.only, "only these operators, of the list that an unknown name prints");
  app.add_option("--out", out, "folder for operators.md and operators.json, written anew after every row");
  if (!parse_arguments(app, arguments)) return 0;
  options.device = bench_device(device, "operators");
  options.rounds = rounds > 0 ? rounds : options.device.is_cpu() ? 10 : 30;
  if (quick) options.rounds = std::max(1, options.rounds / 5);
  const ContestResult result = bench_operators(options, [&](const ContestResult& so_far) { show(so_far, out); });
  fmt::print("{}\n{}\n", operators_markdown(result), to_json("operators", result).dump());
  check_none_failed(result);
  return 0;
}

}  // namespace dermis
