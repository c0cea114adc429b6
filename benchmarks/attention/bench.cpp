#include "benchmarks/attention/bench.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "benchmarks/attention/reference.h"
#include "benchmarks/ceilings.h"
#include "benchmarks/contest/accuracy.h"
#include "benchmarks/contest/machine.h"
#include "benchmarks/contest/rounds.h"
#include "benchmarks/fma_peak.h"
#include "core/error.h"

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
    const std::string failure = failure_of([&] {
      entry.contender = maker.make();
      run_and_check(entry, expected, with_backward, allowed);
    });
    if (!failure.empty()) entry.fail(failure);
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

void time_pass(std::vector<Entry>& entries, const Pass& pass, const AttentionBenchSetting& setting, double& limit) {
  std::vector<Entry*> runners;
  std::vector<std::function<void()>> calls;
  if (entries.front().contender == nullptr) return;  // there is nothing to compare with
  for (Entry& entry : entries) {
    if (entry.contender == nullptr) continue;
    runners.push_back(&entry);
    calls.push_back([&] { pass.run(*entry.contender); });
  }
  const bool decode = std::string_view(pass.name) == "decode";
  const RoundTimes times = time_in_rounds(calls, {.stopwatch = setting.stopwatch,
                                                  .limit = [&] { return setting.limit(decode); },
                                                  .rounds = setting.rounds,
                                                  .sample_s = setting.sample_s,
                                                  .cold = setting.cold});
  for (size_t i = 0; i < runners.size(); ++i) {
    runners[i]->result.warm = times.warm[i];
    runners[i]->result.cold = times.cold[i];
    if (!times.failures[i].empty()) runners[i]->fail(times.failures[i]);
  }
  limit = times.limit;
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

}  // namespace

std::vector<std::string> attention_workload_names(at::Device device) {
  std::vector<std::string> names;
  for (const AttentionWorkload& workload : workloads_of(device)) names.push_back(workload.name);
  return names;
}

std::vector<ContestRow> bench_workload(const AttentionWorkload& workload, const AttentionOperands& operands,
                                       const std::vector<RivalMaker>& rivals, const AttentionBenchSetting& setting) {
  const bool decode = workload.mask == MaskKind::cached;
  std::vector<RivalMaker> makers{{"Dermis", [&] { return own_attention(workload, operands); }}};
  makers.insert(makers.end(), rivals.begin(), rivals.end());
  std::vector<Entry> entries = checked_entries(workload, operands, makers, !decode);
  std::vector<ContestRow> rows;
  for (const Pass& pass : passes_of(workload, operands, setting.joint_backward)) {
    ContestRow row;
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

ContestResult bench_attention(const AttentionBenchOptions& options,
                              const std::function<void(const ContestResult&)>& finished) {
  const std::vector<AttentionWorkload> workloads = chosen_workloads(options);
  const bool cpu = options.device.is_cpu();
  ContestResult result = begin_contest(options.device, options.threads, options.rounds);
  const std::unique_ptr<Stopwatch> stopwatch = stopwatch_for(options.device);
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
    for (ContestRow& row : bench_workload(workload, operands, rivals, setting)) {
      limits.push_back(row.limit);
      result.rows.push_back(std::move(row));
    }
    if (cpu) result.ceilings = {{"FMA peak", summarize(limits).median * 1e-9, "GFLOP/s"}};
    if (finished) finished(result);
  }
  return result;
}

}  // namespace dermis
