// The three kernels of attention's backward pass on one emulated problem. What a forward pass would give them, o and
// the log-sum-exp, comes from exact attention, so that nothing here depends on the forward kernel.
#pragma once

#include "kernels/attention/device/backward_keys.h"
#include "kernels/attention/device/backward_launch.h"
#include "kernels/attention/device/backward_row_statistics.h"
#include "kernels/attention/device/backward_rows.h"
#include "tests/device/attention/strided_rows.h"
#include "tests/emulator/emulate.h"

namespace dermis::testing {

// What the host hands to the kernels beside the tensors.
struct BackwardPlan {
  std::vector<int32_t> lo, hi, seen_from, seen_to, row_tile_order, key_tile_order;

  BackwardPlan(const AttentionProblem& x) {
    const VisibleKeys transposed = x.visible.transposed();
    const auto copied = [](std::span<const int32_t> ends) { return std::vector<int32_t>(ends.begin(), ends.end()); };
    lo = copied(x.visible.lo()), hi = copied(x.visible.hi());
    seen_from = copied(transposed.lo()), seen_to = copied(transposed.hi());
    row_tile_order = backward_row_tile_order(static_cast<int>(x.D), lo, hi, x.H / x.G);
    key_tile_order = backward_key_tile_order(static_cast<int>(x.D), seen_from, seen_to);
  }
};

struct BackwardResult {
  std::vector<double> dq, dk, dv;
  bool exactly_written = false;
  uint64_t bank_conflicts = 0;
};

// Machines may have a planted bug.
template <class E, int D, bool kSoftcap, class KeysMachine = Emulator, class RowsMachine = Emulator>
BackwardResult run_backward(const AttentionProblem& x, const AttentionValues& exact, const BackwardPlan& plan,
                            Layout layout, uint64_t seed, bool forget_delta = false) {
  EmulatedDevice device;
  const int64_t T = x.T(), S = x.S(), H = x.H, G = x.G;
  const StridedRows<E> q(device, x.q, T, H, D, layout), k(device, x.k, S, G, D, layout),
      v(device, x.v, S, G, D, layout), o(device, exact.o, T, H, D, layout), grad_o(device, x.grad_o, T, H, D, layout);
  StridedRows<E> grad_q(device, T, H, D, layout), grad_k(device, S, G, D, layout), grad_v(device, S, G, D, layout);
  const DeviceBuffer<float> lse(device, std::vector<float>(exact.lse.begin(), exact.lse.end()));
  DeviceBuffer<RowStatistics> statistics(device, static_cast<size_t>(G * statistics_rows(T, H, G)));
  const DeviceBuffer<int32_t> lo(device, plan.lo), hi(device, plan.hi), seen_from(device, plan.seen_from),
      seen_to(device, plan.seen_to), row_tiles(device, plan.row_tile_order), key_tiles(device, plan.key_tile_order);
  AttentionBackwardParams<E> params{};
  params.q = q.view(), params.k = k.view(), params.v = v.view(), params.o = o.view(), params.grad_o = grad_o.view();
  params.grad_q = grad_q.writable(), params.grad_k = grad_k.writable(), params.grad_v = grad_v.writable();
  params.lse = lse.data();
  params.statistics = statistics.data();
  params.visible = {lo.data(), hi.data(), seen_from.data(), seen_to.data()};
  params.row_tile_order = row_tiles.data(), params.key_tile_order = key_tiles.data();
  params.T = static_cast<int32_t>(T), params.S = static_cast<int32_t>(S);
  params.H = static_cast<int32_t>(H), params.G = static_cast<int32_t>(G);
  params.scale = static_cast<float>(x.scale), params.softcap = static_cast<float>(x.softcap);

  BackwardResult result;
  const auto run = [&]<class K, class Machine>(const Launch& launch) {
    if (launch.blocks[0] == 0) return;
    const auto report = emulate<K, Machine>(device, launch, backward_kernel_params(params), {.seed = seed});
    result.bank_conflicts += report.bank_conflicts;
  };
  using Statistics = AttentionRowStatistics<E, D>;
  using Keys = AttentionKeysGradient<E, D, kSoftcap>;
  using Rows = AttentionRowsGradient<E, D, kSoftcap>;
  run.template operator()<Statistics, Emulator>(row_statistics_launch<Statistics>(T, H));
  if (forget_delta) {
    std::vector<RowStatistics> rows = statistics.download();
    for (RowStatistics& row : rows) row.delta = 0;
    statistics.upload(rows);
  }
  run.template operator()<Keys, KeysMachine>(keys_gradient_launch<Keys>(S, G));
  run.template operator()<Rows, RowsMachine>(rows_gradient_launch<Rows>(T, H, G));
  result.dq = grad_q.values(), result.dk = grad_k.values(), result.dv = grad_v.values();
  result.exactly_written = grad_q.exactly_elements_written() && grad_k.exactly_elements_written() &&
                           grad_v.exactly_elements_written() && statistics.unwritten() == 0;
  return result;
}

}  // namespace dermis::testing
