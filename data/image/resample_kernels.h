// The inner loops of a resize, one set per instruction set; all give the same bytes.
#pragma once

#include <cstdint>

#include "data/image/filter_taps.h"

namespace dermis {

// Bytes that a horizontal pass may read beyond the end of a row (and multiplies by zero).
inline constexpr int kRowSlack = 32;
inline constexpr int kRowsAtOnce = 4;

struct ResampleKernels {
  // Four RGB rows of one stride to four RGB rows of another; taps.outputs() pixels each.
  void (*horizontal)(const uint8_t* rows, int64_t row_stride, const FilterTaps& taps, uint8_t* out, int64_t out_stride);
  // One output row of `bytes` bytes, output `index` of the taps; source row r lies at rows + r * row_stride.
  void (*vertical)(const uint8_t* rows, int64_t row_stride, const FilterTaps& taps, int index, uint8_t* out, int bytes);
  // rgb[3 * count] to three planes.
  void (*split)(const uint8_t* rgb, int64_t count, uint8_t* red, uint8_t* green, uint8_t* blue);
};

const ResampleKernels& portable_resample_kernels();
#if defined(__x86_64__)
const ResampleKernels& avx2_resample_kernels();
const ResampleKernels& avx512_resample_kernels();
const ResampleKernels& avx512vnni_resample_kernels();
#endif
// The fastest set of this machine.
const ResampleKernels& resample_kernels();

}  // namespace dermis
