// The two passes of a separable resize over whole pictures.
#pragma once

#include <cstdint>

#include "data/image/filter_taps.h"

namespace dermis {

// `rows` packed RGB rows of `width` pixels to rows of taps.outputs() pixels, out_stride bytes apart.
void horizontal_pass(const uint8_t* source, int width, int rows, const FilterTaps& taps, uint8_t* out,
                     int64_t out_stride);

// Rows `stride` bytes apart to taps.outputs() packed rows of `bytes` bytes.
void vertical_pass(const uint8_t* source, int64_t stride, const FilterTaps& taps, uint8_t* out, int bytes);

// Pillow 13 runs the vertical pass first when the height shrinks by more than twice what the width shrinks; each pass
// rounds to 8 bits, so the order shows.
bool vertical_goes_first(int width, int height, int out_width, int out_height);

}  // namespace dermis
