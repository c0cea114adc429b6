// Pixels of pictures as a vision tower takes them: y = (x / 255 - mean) / std, computed in fp32 as
// x * (1 / (255 std)) - mean / std, both rounded once.
#pragma once

#include "kernels/machine/machine.h"

namespace dermis {

// No alignment is required; planes of a multiple of 16 pixels are moved 16 bytes at a time.
// Bytes moved: images * 3 * plane * (1 + element size).
// Returns 0 or a cudaError_t; cudaErrorInvalidValue for 2^34 pixels or more.
struct ImageNormaliseParams {
  ElementType type = ElementType::fp32;  // of y
  const uint8_t* x = nullptr;            // [images, 3, plane] contiguous
  void* y = nullptr;                     // [images, 3, plane] contiguous
  int64_t images = 0;
  int32_t plane = 0;                    // pixels of one colour: S * S
  float factor[3] = {}, shift[3] = {};  // 1 / (255 std) and -mean / std of each colour
};
int launch_image_normalise(const ImageNormaliseParams& params, void* stream);

}  // namespace dermis
