// Attention backward on a GPU, compiled by nvcc; what may be called from other code. No CUDA here.
#pragma once

#include "kernels/attention/device/params.h"

namespace dermis {

// grad_q, grad_k, grad_v of every row and key (zeros where nothing is seen), and params.statistics, which is scratch.
// Three kernels without atomics: the same bits every time. Head size 64, 72, 128 or 256; bf16 or fp16; everything in
// device memory, rows 16-byte aligned. T * H and T * H / G must be below 2^31 - 256. Asynchronous; returns 0 or a
// cudaError_t, cudaErrorInvalidValue for a type or head size that there is no kernel for.
int launch_attention_backward(ElementType type, int head_size, const AttentionBackwardParams<void>& params,
                              void* stream);

}  // namespace dermis
