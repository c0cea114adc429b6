#include "benchmarks/attention/bench.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/headeronly/version.h>

#include <algorithm>
#include <cmath>

#include "benchmarks/attention/ceilings.h"
#include "benchmarks/attention/reference.h"
#include "benchmarks/fma_peak.h"
#include "core/error.h"
#include "core/process.h"
#include "core/version.h"
#include "kernels/cuda/cuda_module.h"
#include "kernels/simd/cpu_features.h"

namespace dermis {
namespace {

// A contender with what is known about it so far.
struct Entry {
  std::unique_ptr<AttentionContender> contender;  // null when it failed
  ContenderResult result;

  void fail(std::string why) {
    result.failure = std::move(why);
    contender = nullptr;
  }
};

constexpr double kHopelesslySlow = 5;  // times our time
constexpr int kMostCalls = 200;        // a sample's, so that the queue of a GPU takes them all while it is held

// The first line of what a library says.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// What one contender cannot do is its own failure and nobody else's.
void attempt(Entry& entry, const std::function<void()>& step) {
  try {
    step();
  } catch (const c10::Error& error) {
    entry.fail(first_line(error.what_without_backtrace()));
  } catch (const std::exception& error) {
    entry.fail(first_line(error.what()));
  }
}

// Both ways in which it is timed: without autograd, which may take other kernels, and with.
void run_and_check(Entry& entry, const std::vector<at::Tensor>& expected, bool with_backward, double allowed) {
  const auto check = [&] {
    const double error = relative_error(entry.contender->results(), expected);
    if (!(error <= entry.result.error)) entry.result.error = error;  // NaN is larger than all
  };
  entry.contender->forward();
  check();
  if (with_backward) {
    entry.contender->forward_for_backward();
    entry.contender->backward();
    check();
  }
  if (!(entry.result.error <= allowed)) entry.fail(fmt::format("wrong: off by {:.1e}", entry.result.error));
}

std::vector<Entry> checked_entries(const AttentionWorkload& workload, const AttentionOperands& operands,
                                   const std::vector<RivalMaker>& makers, bool with_backward) {
  const std::vector<at::Tensor> expected = reference_results(workload, operands);
  const double allowed = allowed_error(operands.q.scalar_type());
  std::vector<Entry> entries;
  for (const RivalMaker& maker : makers) {
    Entry& entry = entries.emplace_back();
    entry.result.name = maker.name;
    attempt(entry, [&] {
      entry.contender = maker.make();
      run_and_check(entry, expected, with_backward, allowed);
    });
  }
  return entries;
}

struct Pass {
  const char* name;
  double work;
  void (*run)(AttentionContender&);
};

std::vector<Pass> passes_of(const AttentionWorkload& workload, const AttentionOperands& operands, bool joint) {
  const auto forward = [](AttentionContender& c) { c.forward(); };
  if (workload.mask == MaskKind::cached) return {{"decode", workload.cache_bytes(operands.k.element_size()), forward}};
  const double flops = workload.forward_flops(), backward_flops = workload.backward_flops();
  if (joint) {
    return {{"forward", flops, forward}, {"forward + backward", flops + backward_flops, [](AttentionContender& c) {
                                            c.forward_for_backward();
                                            c.backward();
                                          }}};
  }
  return {{"forward", flops, forward}, {"backward", backward_flops, [](AttentionContender& c) { c.backward(); }}};
}

// Rounds in which every contender runs once, the first changing from round to round, and the limit is asked once: drift
// of the machine's speed falls on all alike.
void time_pass(std::vector<Entry>& entries, const Pass& pass, const AttentionBenchSetting& setting, double& limit) {
  if (entries.front().contender == nullptr) return;  // there is nothing to compare with
  std::vector<size_t> runners;
  for (size_t i = 0; i < entries.size(); ++i)
    if (entries[i].contender != nullptr) runners.push_back(i);
  std::vector<std::vector<double>> warm(entries.size()), cold(entries.size());
  std::vector<double> limits;
  const auto call_of = [&](size_t i) { return [&, i] { pass.run(*entries[i].contender); }; };
  int calls = 1;
  double ours = 0;
  std::erase_if(runners, [&](size_t i) {
    double once = 0;
    attempt(entries[i], [&] { once = setting.stopwatch.seconds(call_of(i), 1); });
    if (entries[i].contender == nullptr) return true;
    if (i == 0) {
      ours = once;
      calls = std::clamp(static_cast<int>(std::ceil(setting.sample_s / std::max(once, 1e-9))), 1, kMostCalls);
    }
    // Not the fastest rival for certain: one sample says enough, and its rounds would take most of the time.
    const bool hopeless = once > kHopelesslySlow * ours;
    if (hopeless) warm[i].push_back(once);
    return hopeless;
  });
  for (int round = 0; round < setting.rounds; ++round) {
    limits.push_back(setting.limit(std::string_view(pass.name) == "decode"));
    for (size_t k = 0; k < runners.size(); ++k) {
      const size_t i = runners[(k + static_cast<size_t>(round)) % runners.size()];
      warm[i].push_back(setting.stopwatch.seconds(call_of(i), calls));
      if (setting.cold) cold[i].push_back(setting.stopwatch.cold_seconds(call_of(i)));
    }
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    entries[i].result.warm = summarize(warm[i]);
    entries[i].result.cold = summarize(cold[i]);
  }
  limit = summarize(limits).median;
}

std::vector<AttentionWorkload> workloads_of(at::Device device) {
  return device.is_cpu() ? cpu_attention_workloads() : gpu_attention_workloads();
}

std::vector<AttentionWorkload> chosen_workloads(const AttentionBenchOptions& options) {
  const std::vector<std::string> known = attention_workload_names(options.device);
  for (const std::string& name : options.sizes) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw Error(ErrorKind::usage, {.what = "unknown benchmark size",
                                   .where = "--size",
                                   .expected = fmt::format("{}", fmt::join(known, ", ")),
                                   .found = name});
  }
  std::vector<AttentionWorkload> chosen = workloads_of(options.device);
  std::erase_if(chosen, [&](const AttentionWorkload& w) {
    return !options.sizes.empty() &&
           std::find(options.sizes.begin(), options.sizes.end(), w.name) == options.sizes.end();
  });
  return chosen;
}

double fma_rate() {
  constexpr int64_t kSteps = 1 << 20;  // some milliseconds
  CpuStopwatch stopwatch;
  double operations = 0;
  const double seconds = stopwatch.seconds([&] { operations = fma_peak_run(kSteps); }, 1);
  return operations / seconds;
}

std::string gpu_name(at::Device device) {
  const CudaModule* module = cuda_module();
  const auto index = static_cast<size_t>(device.has_index() ? device.index() : 0);
  return module != nullptr && index < module->facts.devices.size() ? module->facts.devices[index].name : "GPU";
}

}  // namespace

std::vector<std::string> attention_workload_names(at::Device device) {
  std::vector<std::string> names;
  for (const AttentionWorkload& workload : workloads_of(device)) names.push_back(workload.name);
  return names;
}

std::vector<AttentionBenchRow> bench_workload(const AttentionWorkload& workload, const AttentionOperands& operands,
                                              const std::vector<RivalMaker>& rivals,
                                              const AttentionBenchSetting& setting) {
  const bool decode = workload.mask == MaskKind::cached;
  std::vector<RivalMaker> makers{{"Dermis", [&] { return own_attention(workload, operands); }}};
  makers.insert(makers.end(), rivals.begin(), rivals.end());
  std::vector<Entry> entries = checked_entries(workload, operands, makers, !decode);
  std::vector<AttentionBenchRow> rows;
  for (const Pass& pass : passes_of(workload, operands, setting.joint_backward)) {
    AttentionBenchRow row;
    row.workload = workload.name;
    row.title = workload.title();
    row.pass = pass.name;
    const bool cpu = operands.q.is_cpu();
    row.dtype = cpu ? "fp32" : operands.q.scalar_type() == at::kHalf ? "fp16" : "bf16";
    row.work = pass.work;
    row.scale = decode || cpu ? 1e9 : 1e12;
    row.unit = decode ? "GB/s" : cpu ? "GFLOP/s" : "TFLOP/s";
    row.limit_name = decode ? "a copy" : cpu ? "FMA peak" : "a matrix product";
    time_pass(entries, pass, setting, row.limit);
    for (const Entry& entry : entries) row.contenders.push_back(entry.result);
    rows.push_back(std::move(row));
  }
  return rows;
}

AttentionBenchResult bench_attention(const AttentionBenchOptions& options,
                                     const std::function<void(const AttentionBenchResult&)>& finished) {
  const std::vector<AttentionWorkload> workloads = chosen_workloads(options);
  const bool cpu = options.device.is_cpu();
  at::set_num_threads(options.threads);
  AttentionBenchResult result;
  result.device = cpu ? fmt::format("{}, {} threads, {}", hardware().cpu, options.threads, name_of(instruction_set()))
                      : gpu_name(options.device);
  result.commit = commit();
  result.date = utc_time();
  result.libtorch = TORCH_VERSION;
  result.rounds = options.rounds;
  const std::unique_ptr<Stopwatch> stopwatch = cpu ? std::unique_ptr<Stopwatch>(std::make_unique<CpuStopwatch>())
                                                   : std::make_unique<GpuStopwatch>(options.device);
  AttentionBenchSetting setting{.stopwatch = *stopwatch,
                                .limit = [](bool) { return fma_rate(); },
                                .rounds = options.rounds,
                                .sample_s = cpu ? 2e-2 : 2e-3,
                                .cold = options.cold && !cpu,
                                .joint_backward = cpu};
  if (!cpu) {
    const double flops = matmul_flops(*stopwatch, options.device), bytes = copy_bytes(*stopwatch, options.device);
    result.ceilings = {{"Matrix product", flops * 1e-12, "TFLOP/s"}, {"Copy", bytes * 1e-9, "GB/s"}};
    setting.limit = [=](bool decode) { return decode ? bytes : flops; };
  }
  std::vector<double> limits;
  for (const AttentionWorkload& workload : workloads) {
    const AttentionOperands operands =
        random_operands(workload, at::TensorOptions().dtype(cpu ? at::kFloat : options.dtype).device(options.device));
    const auto rivals = cpu ? cpu_rivals(workload, operands) : gpu_rivals(workload, operands);
    for (AttentionBenchRow& row : bench_workload(workload, operands, rivals, setting)) {
      limits.push_back(row.limit);
      result.rows.push_back(std::move(row));
    }
    if (cpu) result.ceilings = {{"FMA peak", summarize(limits).median * 1e-9, "GFLOP/s"}};
    if (finished) finished(result);
  }
  return result;
}

}  // namespace dermis
