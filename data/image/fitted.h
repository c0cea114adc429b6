// Bytes of a picture file to the pixels a model takes, in one go: the resize follows the JPEG decoder row by row, so a
// large picture is never whole in memory. The bytes equal those of decode_image and resize, always.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/contract.h"
#include "data/image/image.h"

namespace dermis {

// decode_image, then resize to width x height. Errors as decode_image.
Image decode_fitted(std::span<const uint8_t> bytes, const std::string& name, int width, int height,
                    ResampleFilter filter);

// decode_image, then to_planes: planes[3, format.size, format.size].
void decode_to_planes(std::span<const uint8_t> bytes, const std::string& name, const ImageFormat& format,
                      uint8_t* planes);

// (x / 255 - mean) / std in float32, in the order of operations of Hugging Face's image processors: rescale by 1/255,
// subtract, divide. Both spans hold planes [3, S, S].
void normalise(std::span<const uint8_t> planes, const ImageFormat& format, std::span<float> out);

}  // namespace dermis
