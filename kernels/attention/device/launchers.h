// Attention on a GPU, forward and decode, compiled by nvcc; what may be called from other code. No CUDA here.
#pragma once

#include "kernels/attention/device/decode_launch.h"
#include "kernels/attention/device/params.h"

namespace dermis {

// o and lse of every row. Head size 64, 72, 128 or 256; bf16 or fp16; everything in device memory, rows 16-byte
// aligned; scale > 0; softcap 0 for none. params.tile_order is that of forward_tile_order<head size>. T * H must be
// below 2^31 - 256. Asynchronous; returns 0 or a cudaError_t, cudaErrorInvalidValue for a type or head size that there
// is no kernel for.
int launch_attention_forward(ElementType type, int head_size, const AttentionForwardParams<void>& params, void* stream);

// The same for a few query tokens a sequence, at most kDecodeMaxRows flat rows, against a key/value cache. Scratch and
// the number of splits are those of decode_partial_floats and decode_splits; sequences * G * splits below 2^31.
int launch_attention_decode(ElementType type, int head_size, const AttentionDecodeParams<void>& params, void* stream);

}  // namespace dermis
