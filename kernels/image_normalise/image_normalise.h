// Pixels of pictures as a vision tower takes them: y = (x / 255 - mean) / std, in fp32, rounded once.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>

namespace dermis {

// pixels_u8 [N, 3, S, S] on any device -> [N, 3, S, S] of `type` (fp32, bf16 or fp16) on `device`. What crosses to the
// device is the bytes.
at::Tensor image_normalise(const at::Tensor& pixels_u8, const std::array<float, 3>& mean,
                           const std::array<float, 3>& std, at::Device device, at::ScalarType type);

}  // namespace dermis
