// Work split over rows so that sums over rows come out the same, bit for bit, for any number of threads: partial sums
// belong to blocks of a fixed number of rows and are added in the order of the blocks.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace dermis {

// Few rows a block and fp64 between blocks keep the rounding of long sums at that of a block.
constexpr int64_t kRowsPerBlock = 16;
// Elements below which starting a second thread costs more than it saves.
constexpr int64_t kElementsPerThread = 1 << 14;

inline int64_t row_block_count(int64_t rows) { return (rows + kRowsPerBlock - 1) / kRowsPerBlock; }

// work(row_begin, row_end) over [0, rows), threaded.
template <typename Work>
void for_rows(int64_t rows, int64_t width, Work work) {
  at::parallel_for(0, rows, std::max<int64_t>(1, kElementsPerThread / std::max<int64_t>(1, width)), work);
}

// work(row_begin, row_end, partial) for every block, partial being `sums_width` zeroed floats of the block's own;
// then sums[i] = the partials' total. sums_width 0: no sums, partial is null.
template <typename Work>
void for_row_blocks(int64_t rows, int64_t width, int64_t sums_width, float* sums, Work work) {
  const int64_t blocks = row_block_count(rows);
  std::vector<float> partials(static_cast<size_t>(blocks * sums_width));
  const int64_t grain = std::max<int64_t>(1, kElementsPerThread / std::max<int64_t>(1, width * kRowsPerBlock));
  at::parallel_for(0, blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      float* partial = sums_width == 0 ? nullptr : partials.data() + block * sums_width;
      work(block * kRowsPerBlock, std::min(rows, (block + 1) * kRowsPerBlock), partial);
    }
  });
  if (sums_width == 0) return;
  std::vector<double> totals(static_cast<size_t>(sums_width));
  for (int64_t block = 0; block < blocks; ++block)
    for (int64_t i = 0; i < sums_width; ++i)
      totals[static_cast<size_t>(i)] += partials[static_cast<size_t>(block * sums_width + i)];
  for (int64_t i = 0; i < sums_width; ++i) sums[i] = static_cast<float>(totals[static_cast<size_t>(i)]);
}

}  // namespace dermis
