#include "benchmarks/fma_peak.h"

#include <ATen/Parallel.h>

#include "kernels/simd/cpu_features.h"

namespace dermis {

double fma_peak_run(int64_t steps) {
  const InstructionSet set = instruction_set();
  if (set == InstructionSet::portable) return 0;
  const int64_t threads = at::get_num_threads();
  at::parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      volatile float keep = set == InstructionSet::avx512 ? fma_loop_avx512(steps) : fma_loop_avx2(steps);
      static_cast<void>(keep);
    }
  });
  constexpr double kChains = 12, kOperations = 2;
  const double lanes = set == InstructionSet::avx512 ? 16 : 8;
  return static_cast<double>(steps) * kChains * kOperations * lanes * static_cast<double>(threads);
}

}  // namespace dermis
