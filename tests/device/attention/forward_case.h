// The forward kernel on one emulated problem.
#pragma once

#include "kernels/attention/device/forward.h"
#include "tests/device/attention/strided_rows.h"
#include "tests/emulator/emulate.h"

namespace dermis::testing {

struct ForwardResult {
  std::vector<double> o;
  std::vector<float> lse;
  bool exactly_written = false;
  EmulationReport report;
};

template <class E, int D, bool kSoftcap, class Machine = Emulator, class Kernel = AttentionForward<E, D, kSoftcap>>
ForwardResult run_forward(const AttentionProblem& x, Layout layout, const EmulationOptions& options = {}) {
  EmulatedDevice device;
  const StridedRows<E> q(device, x.q, x.T(), x.H, D, layout), k(device, x.k, x.S(), x.G, D, layout),
      v(device, x.v, x.S(), x.G, D, layout);
  StridedRows<E> o(device, x.T(), x.H, D, layout);
  DeviceBuffer<float> lse(device, static_cast<size_t>(x.H * x.T()));
  const DeviceBuffer<int32_t> lo(device, x.visible.lo()), hi(device, x.visible.hi());
  const DeviceBuffer<int32_t> order(device, forward_tile_order<D>(x.visible.lo(), x.visible.hi(), x.H / x.G));
  AttentionForwardParams<E> params{};
  params.q = q.view(), params.k = k.view(), params.v = v.view(), params.o = o.writable();
  params.lse = lse.data();
  params.visible.lo = lo.data(), params.visible.hi = hi.data();
  params.tile_order = order.data();
  params.T = static_cast<int32_t>(x.T()), params.S = static_cast<int32_t>(x.S());
  params.H = static_cast<int32_t>(x.H), params.G = static_cast<int32_t>(x.G);
  params.scale = static_cast<float>(x.scale), params.softcap = static_cast<float>(x.softcap);
  ForwardResult result;
  result.report = emulate<Kernel, Machine>(device, forward_launch<D>(x.T(), x.H, x.G), params, options);
  result.o = o.values();
  result.lse = lse.download();
  result.exactly_written = o.exactly_elements_written() && lse.unwritten() == 0;
  return result;
}

}  // namespace dermis::testing
