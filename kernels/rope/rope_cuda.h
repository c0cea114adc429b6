// Rotary position embedding on the GPU, half rotation: with x1, x2 the halves of a head,
//   y1 = x1 cos - x2 sin,  y2 = x2 cos + x1 sin.
// The angles are a table made on the host (rope_table: base and linear scaling are in it), since fp32 sines of large
// positions would be off. The gradient is the inverse rotation: direction -1.
#pragma once

#include "kernels/machine/machine.h"

namespace dermis {

// No alignment is required; heads whose halves begin at multiples of 16 bytes are moved 16 bytes at a time. y must not
// overlap x. Bytes moved: tokens * heads * head_size * element size * 2, and the table once.
// Returns 0 or a cudaError_t; cudaErrorInvalidValue for an odd head size or 2^35 numbers or more.
struct RopeParams {
  ElementType type = ElementType::fp32;  // of x, y
  const void* x = nullptr;               // [tokens, heads, head_size], strides in elements
  int64_t x_token_stride = 0, x_head_stride = 0;
  void* y = nullptr;  // [tokens, heads, head_size]
  int64_t y_token_stride = 0, y_head_stride = 0;
  const float* cosines = nullptr;  // [tokens, head_size / 2] contiguous
  const float* sines = nullptr;    // [tokens, head_size / 2] contiguous
  int64_t tokens = 0;
  int32_t heads = 0, head_size = 0;  // head_size even
  float direction = 1;               // 1 rotates, -1 rotates back
};
int launch_rope(const RopeParams& params, void* stream);

}  // namespace dermis
