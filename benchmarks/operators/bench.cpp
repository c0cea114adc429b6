#include "benchmarks/operators/bench.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "benchmarks/contest/accuracy.h"
#include "benchmarks/contest/machine.h"
#include "benchmarks/contest/rounds.h"
#include "benchmarks/operators/report.h"
#include "benchmarks/operators/rows.h"
#include "core/error.h"
#include "kernels/cuda/cuda_kernels.h"

namespace dermis {
namespace {

void check_contender(const OperatorContender& contender, const OperatorCase& work, const Tensors& expected,
                     ContenderResult& result) {
  result.failure = failure_of([&] {
    const Tensors found = contender.run(0);
    DERMIS_CHECK(found.size() == expected.size(), "as many results as expected");
    result.error = work.error(found, expected);
    for (size_t set = 1; set < work.sets; ++set) contender.run(set);
  });
  if (result.failure.empty() && !(result.error <= work.allowed))  // NaN is wrong too
    result.failure = fmt::format("wrong: off by {:.1e}", result.error);
}

// Every call takes the next set and keeps its results, so that outputs do not land in the same memory either.
std::function<void()> in_turn(const OperatorContender& contender, size_t sets) {
  return [&contender, sets, turn = size_t{0}, kept = std::vector<Tensors>(sets)]() mutable {
    const size_t set = turn++ % sets;
    kept[set] = contender.run(set);
  };
}

void time_case(const OperatorCase& work, const OperatorBenchSetting& setting, ContestRow& row) {
  std::vector<ContenderResult*> runners;
  std::vector<std::function<void()>> calls;
  for (size_t i = 0; i < work.contenders.size(); ++i) {
    if (!row.contenders[i].failure.empty()) continue;
    runners.push_back(&row.contenders[i]);
    calls.push_back(in_turn(work.contenders[i], work.sets));
  }
  const RoundTimes times = time_in_rounds(calls, {.stopwatch = setting.stopwatch,
                                                  .limit = work.flops > 0 ? setting.product : setting.copy,
                                                  .rounds = setting.rounds,
                                                  .sample_s = setting.sample_s,
                                                  .cold = false,
                                                  .hopeless = 100});
  for (size_t i = 0; i < runners.size(); ++i) {
    runners[i]->warm = times.warm[i];
    runners[i]->failure = times.failures[i];
  }
  row.limit = times.limit;
}

void measure(const OperatorCase& work, const OperatorBenchSetting& setting, ContestRow& row) {
  const bool products = work.flops > 0;
  row.title = work.shape;
  row.bytes = work.bytes;
  row.work = products ? work.flops : work.bytes;
  row.limit_name = products ? "a matrix product" : "a copy";
  row.unit = !products ? "GB/s" : setting.gpu ? "TFLOP/s" : "GFLOP/s";
  row.scale = products && setting.gpu ? 1e12 : 1e9;
  const Tensors expected = work.expected();
  row.contenders.clear();
  for (const OperatorContender& contender : work.contenders) {
    row.contenders.push_back({contender.name, "", 0, {}, {}});
    check_contender(contender, work, expected, row.contenders.back());
  }
}

OperatorSetting operator_setting(at::Device device) {
  constexpr double kCpuFootprint = 128 << 20, kGpuFootprint = 512 << 20;
  if (device.is_cpu())
    return {.device = device, .dtype = at::kFloat, .sizes = cpu_operator_sizes(), .footprint = kCpuFootprint};
  return {.device = device,
          .dtype = at::kBFloat16,
          .sizes = gpu_operator_sizes(),
          .footprint = kGpuFootprint,
          .module = gpu_operators() == GpuOperators::own ? cuda_module() : nullptr};
}

std::vector<std::string> names_of(const OperatorRows& rows) {
  std::vector<std::string> names;
  for (const OperatorRow& row : rows)
    if (names.empty() || names.back() != row.op) names.push_back(row.op);
  return names;
}

OperatorRows chosen_rows(const OperatorBenchOptions& options) {
  OperatorRows rows = all_operator_rows(operator_setting(options.device));
  const std::vector<std::string> known = names_of(rows);
  for (const std::string& name : options.only) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw Error(ErrorKind::usage, {.what = "unknown operator",
                                   .where = "--only",
                                   .expected = fmt::format("{}", fmt::join(known, ", ")),
                                   .found = name,
                                   .fix = "name operators of that list"});
  }
  std::erase_if(rows, [&](const OperatorRow& row) {
    return !options.only.empty() && std::find(options.only.begin(), options.only.end(), row.op) == options.only.end();
  });
  return rows;
}

}  // namespace

std::vector<std::string> operator_names(at::Device device) {
  return names_of(all_operator_rows(operator_setting(device)));
}

ContestRow bench_operator(const OperatorRow& operator_row, const OperatorBenchSetting& setting) {
  ContestRow row;
  row.workload = operator_row.op;
  row.pass = operator_row.pass;
  row.dtype = operator_row.dtype;
  row.contenders = {{"Dermis", "", 0, {}, {}}};
  const std::string failure = failure_of([&] {
    const OperatorCase work = operator_row.make();
    measure(work, setting, row);
    if (row.ours().failure.empty()) time_case(work, setting, row);
  });
  if (!failure.empty()) row.contenders.front().failure = failure;
  return row;
}

ContestResult bench_operators(const OperatorBenchOptions& options,
                              const std::function<void(const ContestResult&)>& finished) {
  const bool cpu = options.device.is_cpu();
  const OperatorRows rows = chosen_rows(options);
  ContestResult result = begin_contest(options.device, options.threads, options.rounds);
  const std::unique_ptr<Stopwatch> stopwatch = stopwatch_for(options.device);
  OperatorBenchSetting setting{
      .stopwatch = *stopwatch, .gpu = !cpu, .rounds = options.rounds, .sample_s = cpu ? 2e-2 : 2e-3};
  if (cpu) {
    constexpr int64_t kCopied = int64_t{64} << 20, kMatrix = 1024;
    setting.copy = copy_rate(*stopwatch, options.device, kCopied);
    setting.product = matmul_rate(*stopwatch, at::kFloat, kMatrix);
  } else {
    const double flops = matmul_flops(*stopwatch, options.device), bytes = copy_bytes(*stopwatch, options.device);
    setting.copy = [=] { return bytes; };
    setting.product = [=] { return flops; };
  }
  for (const OperatorRow& row : rows) {
    result.rows.push_back(bench_operator(row, setting));
    result.ceilings = operator_ceilings(result.rows);
    if (finished) finished(result);
  }
  return result;
}

}  // namespace dermis
