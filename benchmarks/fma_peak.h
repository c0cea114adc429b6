// The processor's fused multiply-add rate in fp32: the limit that CPU operators are measured against.
#pragma once

#include <cstdint>

namespace dermis {

// One thread's loop of `steps` times kFmaPeakFlops operations on registers. The result only keeps it from being
// removed.
float fma_loop_avx2(int64_t steps);
float fma_loop_avx512(int64_t steps);

// Runs the loop of this processor's widest instruction set on all threads; returns operations done.
double fma_peak_run(int64_t steps);

}  // namespace dermis
