#include "benchmarks/cmd/attention.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "benchmarks/attention/bench.h"
#include "benchmarks/cmd/bench_device.h"
#include "core/cli/checks.h"
#include "core/cli/parse.h"
#include "core/io/atomic_file.h"
#include "core/io/atomic_folder.h"

namespace dermis {
namespace {

void write_files(const std::string& folder, const ContestResult& result) {
  const std::filesystem::path path(folder);
  write_file_atomically((path / "attention.md").string(), attention_markdown(result));
  write_file_atomically((path / "attention.json").string(), to_json("attention", result).dump(1) + "\n");
  write_file_atomically((path / "attention.svg").string(), svg_chart(result));
}

}  // namespace

int bench_attention_command(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app("Attention with interval masks against ATen's kernels: fp32 on the CPU, 16-bit numbers on a GPU",
               "bench attention");
  AttentionBenchOptions options;
  std::string device = "auto", dtype = "bf16", out;
  bool quick = false;
  int rounds = 30;
  app.add_option("--device", device, "auto: a GPU when there is one")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}));
  app.add_option("--dtype", dtype, "of operands on a GPU")
      ->capture_default_str()
      ->check(CLI::IsMember({"bf16", "fp16"}));
  app.add_option("--rounds", rounds, "timed rounds, contenders interleaved")->capture_default_str()->check(positive());
  app.add_flag("--quick", quick, "a fifth of the rounds");
  app.add_option("--threads", options.threads, "threads of the CPU")->capture_default_str()->check(thread_count());
  app.add_option("--size", options.sizes,
                 fmt::format("only these sizes: {}; on a GPU: {}", fmt::join(attention_workload_names(at::kCPU), ", "),
                             fmt::join(attention_workload_names(at::kCUDA), ", ")));
  app.add_option("--out", out,
                 "folder for attention.md, attention.json and attention.svg, written anew after every size");
  if (!parse_arguments(app, arguments)) return 0;
  options.device = bench_device(device, "attention");
  options.dtype = dtype == "fp16" ? at::kHalf : at::kBFloat16;
  options.rounds = quick ? std::max(1, rounds / 5) : rounds;
  if (!out.empty()) make_folder(out);  // now rather than after the first measurement
  size_t shown = 0;
  const ContestResult result = bench_attention(options, [&](const ContestResult& so_far) {
    for (; shown < so_far.rows.size(); ++shown)
      fmt::print(stderr, "{}, {}: ratio {:.2f}\n", so_far.rows[shown].title, so_far.rows[shown].pass,
                 so_far.rows[shown].ratio());
    if (!out.empty()) write_files(out, so_far);
  });
  fmt::print("{}\n{}\n", attention_markdown(result), to_json("attention", result).dump());
  refuse_failures("dermis bench attention", result);
  return 0;
}

}  // namespace dermis
