#include "benchmarks/fma_loop_inl.h"
#include "benchmarks/fma_peak.h"

namespace dermis {

float fma_loop_avx512(int64_t steps) { return fma_loop(steps); }

}  // namespace dermis
