// What the device reaches in this run: the limits that rates are compared with.
#pragma once

#include <ATen/core/Tensor.h>

#include "benchmarks/stopwatch.h"

namespace dermis {

// Operations a second of a bf16 matrix product of 8192 x 8192 x 8192 random numbers: the median of ten.
double matmul_flops(Stopwatch& stopwatch, at::Device device);
// Bytes read and written a second by a copy of 1 GiB: the median of ten.
double copy_bytes(Stopwatch& stopwatch, at::Device device);

}  // namespace dermis
