// Label-preserving changes of a picture, drawn by counter: which change a picture gets depends on (seed, epoch, sample)
// alone.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/contract.h"
#include "data/batch/loader.h"
#include "data/image/image.h"

namespace dermis {

struct Augmentation {
  bool cropped = false;
  Box crop{0, 0, 1, 1};  // as shares of width and height
  bool flip_x = false, flip_y = false;
  bool transpose = false;  // with the flips: all eight turns and mirrors of the square
  double brightness = 1, contrast = 1, saturation = 1;
  bool recolours() const { return brightness != 1 || contrast != 1 || saturation != 1; }
};

// width, height: of the picture; crops keep an aspect of 3/4 to 4/3 in its pixels and an area of at least
// crop_min_area.
Augmentation draw_augmentation(const AugmentOptions& options, uint64_t seed, int64_t epoch, int64_t sample, int width,
                               int height);

// Which of a picture's patches are kept, ascending: a fresh draw of the share options.keep_patches (at least one patch)
// without replacement (PatchDropout, arXiv 2208.07220). Empty when all are.
std::vector<int32_t> draw_patches(const AugmentOptions& options, uint64_t seed, int64_t epoch, int64_t sample,
                                  int32_t patches);

// Crops by resize's box, stretches to format.size, turns, recolours, and lays out as planes [3, S, S].
void augment_to_planes(const Image& image, const Augmentation& augmentation, const ImageFormat& format,
                       uint8_t* planes);

}  // namespace dermis
