// What the device reaches in this run: the limits that rates are compared with.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "benchmarks/stopwatch.h"

namespace dermis {

// Measured anew at every call, on the same operands.
using Rate = std::function<double()>;
// Operations a second of a matrix product of size x size x size random numbers.
Rate matmul_rate(Stopwatch& stopwatch, const at::TensorOptions& options, int64_t size);
// Bytes read and written a second by a copy of so many bytes; on the CPU by all threads, past the caches.
Rate copy_rate(Stopwatch& stopwatch, at::Device device, int64_t bytes);

// The median of ten, of bf16 matrices of 8192 x 8192 and of a copy of 1 GiB.
double matmul_flops(Stopwatch& stopwatch, at::Device device);
double copy_bytes(Stopwatch& stopwatch, at::Device device);

}  // namespace dermis
