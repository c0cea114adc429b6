#include "benchmarks/cmd/attention.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "benchmarks/attention/bench.h"
#include "core/cli/parse.h"
#include "core/error.h"
#include "core/io/atomic_file.h"
#include "kernels/cuda/cuda_module.h"

namespace dermis {
namespace {

at::Device chosen_device(const std::string& name) {
  if (name == "cpu" || (name == "auto" && !cuda_driver_present())) return at::kCPU;
  std::string reason;
  if (!load_torch_cuda(&reason) || cuda_module(&reason) == nullptr) {
    throw Error(ErrorKind::device, {.what = "attention cannot be timed on a GPU here",
                                    .where = "--device",
                                    .expected = "a CUDA driver, a GPU, the CUDA module and LibTorch's CUDA operators",
                                    .found = reason,
                                    .fix = "run 'dermis doctor', or pass --device cpu"});
  }
  return at::Device(at::kCUDA, 0);
}

void write_files(const std::string& folder, const AttentionBenchResult& result) {
  const std::filesystem::path path(folder);
  std::filesystem::create_directories(path);
  write_file_atomically((path / "attention.md").string(), markdown(result));
  write_file_atomically((path / "attention.json").string(), to_json(result).dump(1) + "\n");
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
  app.add_option("--rounds", rounds, "timed rounds, contenders interleaved")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_flag("--quick", quick, "a fifth of the rounds");
  app.add_option("--threads", options.threads, "threads of the CPU")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--size", options.sizes,
                 fmt::format("only these sizes: {}; on a GPU: {}", fmt::join(attention_workload_names(at::kCPU), ", "),
                             fmt::join(attention_workload_names(at::kCUDA), ", ")));
  app.add_option("--out", out,
                 "folder for attention.md, attention.json and attention.svg, written anew after every size");
  if (!parse_arguments(app, arguments)) return 0;
  options.device = chosen_device(device);
  options.dtype = dtype == "fp16" ? at::kHalf : at::kBFloat16;
  options.rounds = quick ? std::max(1, rounds / 5) : rounds;
  size_t shown = 0;
  const AttentionBenchResult result = bench_attention(options, [&](const AttentionBenchResult& so_far) {
    for (; shown < so_far.rows.size(); ++shown)
      fmt::print(stderr, "{}, {}: ratio {:.2f}\n", so_far.rows[shown].title, so_far.rows[shown].pass,
                 so_far.rows[shown].ratio());
    if (!out.empty()) write_files(out, so_far);
  });
  fmt::print("{}\n{}\n", markdown(result), to_json(result).dump());
  for (const AttentionBenchRow& row : result.rows) {
    if (!row.failed()) continue;
    throw Error(ErrorKind::internal, {.what = "our attention failed",
                                      .where = fmt::format("{}, {}", row.title, row.pass),
                                      .expected = "the reference's results",
                                      .found = row.ours().failure,
                                      .fix = "run 'dermis selftest --only attention' and report what it prints"});
  }
  return 0;
}

}  // namespace dermis
