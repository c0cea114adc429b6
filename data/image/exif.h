// EXIF orientation (tag 0x0112): how the stored rows and columns lie to the upright picture.
#pragma once

#include <cstdint>
#include <span>

#include "data/image/image.h"

namespace dermis {

// `block` starts with "Exif\0\0" or at the TIFF header. 1 (upright) when the tag is absent, out of 1..8 or the block is
// damaged: a picture with broken metadata is still a picture.
int exif_orientation(std::span<const uint8_t> block);

// Turns stored pixels upright, as Pillow's ImageOps.exif_transpose.
Image apply_orientation(Image image, int orientation);

}  // namespace dermis
