// The machine code of all probes: tests_device finds them by name (tests/gpu).
#include <array>

#include "kernels/machine/gpu.cuh"
#include "tests/device/probes/probe_kernels.h"

namespace dermis::probes {

template <class... K>
std::array<const void*, sizeof...(K)> kernels_of(std::tuple<K...>*) {
  return {reinterpret_cast<const void*>(&run_on_gpu<K>)...};
}
std::array<const void*, std::tuple_size_v<AllProbes>> all_kernels() {
  return kernels_of(static_cast<AllProbes*>(nullptr));
}

}  // namespace dermis::probes
