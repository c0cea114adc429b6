// Host side of the attention decode kernel: its parameters, tile sizes, launch shape, how many blocks share a sequence.
// No CUDA here.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/attention/device/params.h"

namespace dermis {

constexpr int kDecodeMaxRows = 64;  // tokens of a sequence times query heads a key/value head
constexpr int kPageTokens = 64;     // of a paged cache

// Keys or values of all sequences. Without a page table block b is sequence b; with one, page p of sequence b is block
// page_table[b * max_pages + p] and holds kPageTokens tokens. Strides in elements, rows contiguous and 16-byte aligned.
template <class T>
struct KeyCache {
  const T* data = nullptr;
  int64_t block_stride = 0, token_stride = 0, head_stride = 0;
};

// Every sequence brings the same number of query tokens, rows [b * tokens, (b + 1) * tokens) of q and o. They are the
// last tokens of its keys [key_begin[b], key_end[b]): the last sees all keys, the one before it all but the last, and
// so on. With a window w > 0 each sees the last w keys of those, its own counted.
template <class E>
struct AttentionDecodeParams {
  TokenHeads<const E> q;
  TokenHeads<E> o;
  float* lse = nullptr;  // [H, sequences * tokens], or nullptr
  KeyCache<E> k, v;
  const int32_t* page_table = nullptr;  // [sequences, max_pages], or nullptr
  const int32_t* key_begin = nullptr;   // [sequences]
  const int32_t* key_end = nullptr;     // [sequences]
  float* partials = nullptr;            // scratch of decode_partial_floats(); unused when splits is 1
  uint32_t* tickets = nullptr;          // [sequences * G] zeros, and zeros again when the kernel is done
  int32_t sequences = 0, tokens = 1, max_pages = 0, H = 0, G = 0, splits = 1, window = 0;
  float scale = 0, softcap = 0;
};

template <int D>
struct DecodeConfig {
  static_assert(D == 64 || D == 72 || D == 128 || D == 256);
  static constexpr int kWarps = 4, kThreads = kWarps * kWarpSize;
  static constexpr int kBlocksPerSm = 2;
  static constexpr int kKeys = D < 128 ? 64 : 32, kStep = 16;
  static constexpr int kStages = 3;  // two of them on their way keep 32 KiB to 64 KiB in flight

  static constexpr uint32_t kTileBytes = kKeys * D * 2, kStageBytes = 2 * kTileBytes;
  static constexpr uint32_t kRingBytes = kStages * kStageBytes, kQueryBytes = kDecodeMaxRows * D * 2;
  static constexpr uint32_t kQueriesAt = kRingBytes - kQueryBytes;
  // At the end each warp leaves its sums in the ring; rows are 16 bytes longer so that they start in different banks.
  static constexpr uint32_t kSumRowBytes = D * 4 + 16, kSumBytes = 16 * kSumRowBytes;
  static constexpr uint32_t kBasesAt = kRingBytes;  // [kWarps, 16] Base
  static constexpr uint32_t kTicketAt = kBasesAt + kWarps * 16 * 8;
  static constexpr uint32_t kSharedBytes = kTicketAt + 16;
  static_assert(kQueryBytes <= kStageBytes, "queries arrive through the last stage");
  static_assert(kWarps * kSumBytes <= kRingBytes);
  static_assert(kSharedBytes <= kSharedLimit);
};

// Blocks that share the keys of one sequence and key/value head: enough to give every multiprocessor two blocks, but
// each with at least four tiles, since sums of all blocks are written and read again. `most_keys` is what the longest
// sequence reads.
inline int decode_splits(int head_size, int64_t sequences, int64_t G, int64_t most_keys, int64_t multiprocessors) {
  const int64_t tiles = ceil_div(most_keys, head_size < 128 ? 64 : 32);
  const int64_t wanted = (2 * multiprocessors) / std::max<int64_t>(sequences * G, 1);
  return static_cast<int>(std::clamp<int64_t>(std::min(wanted, tiles / 4), 1, 128));
}

// Of AttentionDecodeParams::partials: sums of the weighted values, then a base and a sum of weights a row.
inline int64_t decode_partial_floats(int64_t sequences, int64_t tokens, int64_t H, int64_t D, int64_t splits) {
  return splits == 1 ? 0 : sequences * tokens * H * splits * (D + 2);
}

template <int D>
Launch decode_launch(int64_t sequences, int64_t G, int64_t splits) {
  using Config = DecodeConfig<D>;
  return {{static_cast<uint32_t>(sequences * G * splits), 1, 1}, Config::kThreads, Config::kSharedBytes};
}

}  // namespace dermis
