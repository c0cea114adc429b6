// Attention of a few query rows a sequence against a key/value cache. Memory is the limit, so the keys of a sequence
// are split over blocks (arXiv 2311.01282), and the last block to arrive adds up what all of them found, in their
// order: one launch, the same bits every time.
//
// A block takes the flat rows (params.h) of one sequence and key/value head, up to four strips of 16. With fewer than
// four strips its warps share the keys of a tile, 16 at a time.
#pragma once

#include "kernels/attention/device/decode_launch.h"
#include "kernels/attention/device/decode_sums.h"
#include "kernels/attention/device/softmax.h"
#include "kernels/attention/device/strips.h"

namespace dermis {

template <class E, int D, bool kSoftcap>
struct AttentionDecode {
  using Params = AttentionDecodeParams<E>;
  using Config = DecodeConfig<D>;
  static constexpr int kThreads = Config::kThreads, kBlocksPerSm = Config::kBlocksPerSm;
  static constexpr uint32_t kSharedBytes = Config::kSharedBytes;
  static constexpr int kWarps = Config::kWarps, kKeys = Config::kKeys, kStep = Config::kStep;
  static constexpr int kStages = Config::kStages;

  using QueryTile = Tile<E, kDecodeMaxRows, D>;
  using KeyTile = Tile<E, kKeys, D>;
  struct alignas(8) Packed {
    uint32_t words[2];
  };

  struct Work {
    int sequence, key_head, split;
    int group, rows, strips;
    int last_end;    // keys that the last token sees end here
    int begin, end;  // keys of this block

    // Keys that a flat row sees.
    DERMIS_DEVICE int row_end(const Params& p, int row) const {
      return last_end - (p.tokens - 1 - min_of(row, rows - 1) / group);
    }
    DERMIS_DEVICE int row_begin(const Params& p, int row, int key_begin) const {
      return p.window > 0 ? max_of(key_begin, row_end(p, row) - p.window) : key_begin;
    }
  };

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    int key_begin;
    const Work work = block_work(m, p, key_begin);
    QueryTile{{Config::kQueriesAt}}.template copy_rows_async<kThreads>(m, work.rows, [&](int row) {
      return p.q.row(work.sequence * p.tokens + row / work.group, work.key_head * work.group + row % work.group);
    });
    m.commit();
    for (int tile = 0; tile < kStages - 1; ++tile) copy_stage(m, p, work, tile);

    const int strip = m.warp() % work.strips, part = m.warp() / work.strips, parts = kWarps / work.strips;
    QueryFragments<E, D, 1> queries;
    m.template wait<kStages - 1>();
    m.sync();
    queries.load(m, QueryTile{{Config::kQueriesAt}}, 16 * strip);

    OnlineSoftmax softmax;
    float o[1][D / 8][4] = {};
    DERMIS_NO_UNROLL
    for (int tile = 0; work.begin + tile * kKeys < work.end; ++tile) {
      m.template wait<kStages - 2>();
      m.sync();  // this tile has come, and everyone is done with the one before: its stage takes the next copy
      copy_stage(m, p, work, tile + kStages - 1);
      if (part >= parts) continue;
      DERMIS_NO_UNROLL
      for (int key = 0; key < kKeys; key += kStep) {
        if ((tile * kKeys + key) / kStep % parts != part) continue;
        float s[1][kStep / 8][4] = {};
        strip_scores<E, D, kStep>(m, queries, stage_tile(tile, 0).from_row(key), s);
        if constexpr (kSoftcap) cap_scores(m, p, s[0]);
        hide_keys(m, p, work, key_begin, 16 * strip, work.begin + tile * kKeys + key, s[0]);
        softmax.add(m, kSoftcap ? 1 : p.scale * kLog2E, s[0], o[0]);
        uint32_t weights[kStep / 16][1][4];
        round_weights<E, kStep>(m, s, weights);
        strip_accumulate<E, D, kStep>(m, weights, stage_tile(tile, 1).from_row(key), o);
      }
    }
    m.template wait<0>();
    m.sync();  // the ring is free for sums
    store_warp_sums(m, softmax, o[0]);
    m.sync();
    if (p.splits == 1) {
      combine_warps(m, work, [&](int row, int column, const FourSums& sums, SumBase base) {
        store_result(m, p, work, row, column, sums, base);
      });
    } else {
      combine_warps(m, work, [&](int row, int column, const FourSums& sums, SumBase base) {
        store_partial(m, p, work, row, column, sums, base);
      });
      if (last_to_arrive(m, p)) combine_splits(m, p, work);
    }
  }

 private:
  DERMIS_DEVICE static int min_of(int a, int b) { return a < b ? a : b; }
  DERMIS_DEVICE static int max_of(int a, int b) { return a > b ? a : b; }

  template <class M>
  DERMIS_DEVICE static Work block_work(M& m, const Params& p, int& key_begin) {
    Work work;
    work.split = m.block(0) % p.splits;
    work.key_head = m.block(0) / p.splits % p.G;
    work.sequence = m.block(0) / p.splits / p.G;
    work.group = p.H / p.G;
    work.rows = p.tokens * work.group;
    work.strips = (work.rows + 15) / 16;
    // The same in all lanes; the shuffles tell the compiler so.
    key_begin = m.shuffle(m.load(p.key_begin + work.sequence), 0);
    work.last_end = m.shuffle(m.load(p.key_end + work.sequence), 0);
    // From the first key of the first token on, whole tiles to every split; the last may have fewer, or none.
    const int first = work.row_begin(p, 0, key_begin);
    const int tiles = max_of(work.last_end - first + kKeys - 1, 0) / kKeys;
    const int share = (tiles + p.splits - 1) / p.splits * kKeys;
    work.begin = first + work.split * share;
    work.end = min_of(work.begin + share, work.last_end);
    return work;
  }

  // Keys past the end are zeros. Past the last tile nothing is copied, but the group of copies is counted all the same.
  template <class M>
  DERMIS_DEVICE static void copy_stage(M& m, const Params& p, const Work& work, int tile) {
    const int first = work.begin + tile * kKeys, count = work.end - first;
    if (count > 0) {
      stage_tile(tile, 0).template copy_rows_async<kThreads>(
          m, count, [&](int row) { return cache_row(m, p, work, p.k, first + row); });
      stage_tile(tile, 1).template copy_rows_async<kThreads>(
          m, count, [&](int row) { return cache_row(m, p, work, p.v, first + row); });
    }
    m.commit();
  }
  template <class M>
  DERMIS_DEVICE static const E* cache_row(M& m, const Params& p, const Work& work, const KeyCache<E>& cache, int key) {
    int64_t block = work.sequence;
    if (p.page_table != nullptr) {
      block = m.load(p.page_table + static_cast<int64_t>(work.sequence) * p.max_pages + key / kPageTokens);
      key %= kPageTokens;
    }
    return cache.data + block * cache.block_stride + key * cache.token_stride + work.key_head * cache.head_stride;
  }
  DERMIS_DEVICE static KeyTile stage_tile(int tile, uint32_t values) {
    return {{static_cast<uint32_t>(tile % kStages) * Config::kStageBytes + values * Config::kTileBytes}};
  }

  template <class M>
  DERMIS_DEVICE static void cap_scores(M& m, const Params& p, float (&s)[kStep / 8][4]) {
    const Softcap cap = Softcap::of(m, p.scale, p.softcap);
    DERMIS_UNROLL
    for (int n = 0; n < kStep / 8; ++n) {
      DERMIS_UNROLL
      for (float& score : s[n]) score = cap(m, score);
    }
  }

  // Scores of keys that a row does not see become -infinity; most steps have none.
  template <class M>
  DERMIS_DEVICE static void hide_keys(M& m, const Params& p, const Work& work, int key_begin, int first_row,
                                      int first_key, float (&s)[kStep / 8][4]) {
    const int all_see_end = work.last_end - (p.tokens - 1);
    const int all_see_begin = work.row_begin(p, work.rows - 1, key_begin);
    if (first_key >= all_see_begin && first_key + kStep <= min_of(all_see_end, work.end)) return;
    DERMIS_UNROLL
    for (int half = 0; half < 2; ++half) {
      const int row = first_row + m.lane() / 4 + 8 * half;
      const int begin = work.row_begin(p, row, key_begin), end = min_of(work.row_end(p, row), work.end);
      DERMIS_UNROLL
      for (int n = 0; n < kStep / 8; ++n) {
        DERMIS_UNROLL
        for (int i = 0; i < 2; ++i) {
          const int key = first_key + 8 * n + m.lane() % 4 * 2 + i;
          if (key < begin || key >= end) s[n][2 * half + i] = -INFINITY;
        }
      }
    }
  }

  DERMIS_DEVICE static Shared warp_sums(int warp, int row) {
    return {static_cast<uint32_t>(warp) * Config::kSumBytes + static_cast<uint32_t>(row) * Config::kSumRowBytes};
  }
  DERMIS_DEVICE static Shared warp_base(int warp, int row) {
    return {Config::kBasesAt + static_cast<uint32_t>(warp * 16 + row) * 8};
  }

  template <class M>
  DERMIS_DEVICE static void store_warp_sums(M& m, const OnlineSoftmax& softmax, const float (&o)[D / 8][4]) {
    const int warp = m.warp();
    DERMIS_UNROLL
    for (int half = 0; half < 2; ++half) {
      const int row = m.lane() / 4 + 8 * half;
      const float sum = sum_of_quad(m, softmax.sum[half]);
      if (m.lane() % 4 == 0) m.store(warp_base(warp, row), SumBase{softmax.base[half], sum});
      DERMIS_UNROLL
      for (int n = 0; n < D / 8; ++n) {
        m.store(warp_sums(warp, row) + static_cast<uint32_t>(8 * n + m.lane() % 4 * 2) * 4,
                TwoSums{o[n][2 * half], o[n][2 * half + 1]});
      }
    }
  }

  // use(row, column, sums, base) for every four columns of every row of the block.
  template <class M, class Use>
  DERMIS_DEVICE static void combine_warps(M& m, const Work& work, Use use) {
    const int parts = kWarps / work.strips;
    DERMIS_NO_UNROLL
    for (int i = m.thread(); i < work.rows * (D / 4); i += kThreads) {
      const int row = i / (D / 4), column = i % (D / 4) * 4;
      const auto warp = [&](int part) { return part * work.strips + row / 16; };
      FourSums sums;
      const SumBase base = add_up(
          m, parts, sums, [&](int part) { return m.template load<SumBase>(warp_base(warp(part), row % 16)); },
          [&](int part) {
            return m.template load<FourSums>(warp_sums(warp(part), row % 16) + static_cast<uint32_t>(column) * 4);
          });
      use(row, column, sums, base);
    }
  }

  // Row `row` of a block: its sums, D floats, and its base. The blocks of a sequence and head are neighbours.
  DERMIS_DEVICE static FourSums* partial_sums(const Params& p, const Work& work, int block, int row, int column) {
    return reinterpret_cast<FourSums*>(p.partials + (static_cast<int64_t>(block) * work.rows + row) * D + column);
  }
  template <class M>
  DERMIS_DEVICE static SumBase* partial_base(M& m, const Params& p, const Work& work, int block, int row) {
    const int64_t all_rows = static_cast<int64_t>(m.blocks(0)) * work.rows;
    return reinterpret_cast<SumBase*>(p.partials + all_rows * D) + static_cast<int64_t>(block) * work.rows + row;
  }
  template <class M>
  DERMIS_DEVICE static void store_partial(M& m, const Params& p, const Work& work, int row, int column,
                                          const FourSums& sums, SumBase base) {
    m.store(partial_sums(p, work, m.block(0), row, column), sums);
    if (column == 0) m.store(partial_base(m, p, work, m.block(0), row), base);
  }

  // Takes a ticket; the last block leaves the counter as it was for the next launch.
  template <class M>
  DERMIS_DEVICE static bool last_to_arrive(M& m, const Params& p) {
    m.sync();
    if (m.thread() == 0) {
      uint32_t* ticket = p.tickets + m.block(0) / p.splits;
      m.fence();
      const uint32_t arrived = m.add(ticket, 1) + 1;
      m.fence();
      const bool last = arrived == static_cast<uint32_t>(p.splits);
      if (last) m.store(ticket, 0u);
      m.store(Shared{Config::kTicketAt}, static_cast<uint32_t>(last));
    }
    m.sync();
    return m.template load<uint32_t>(Shared{Config::kTicketAt}) != 0;
  }
  template <class M>
  DERMIS_DEVICE static void combine_splits(M& m, const Params& p, const Work& work) {
    const int first_block = m.block(0) - work.split;
    DERMIS_NO_UNROLL
    for (int i = m.thread(); i < work.rows * (D / 4); i += kThreads) {
      const int row = i / (D / 4), column = i % (D / 4) * 4;
      FourSums sums;
      const SumBase base = add_up(
          m, p.splits, sums,
          [&](int split) { return m.load_written(partial_base(m, p, work, first_block + split, row)); },
          [&](int split) { return m.load_written(partial_sums(p, work, first_block + split, row, column)); });
      store_result(m, p, work, row, column, sums, base);
    }
  }

  template <class M>
  DERMIS_DEVICE static void store_result(M& m, const Params& p, const Work& work, int row, int column,
                                         const FourSums& sums, SumBase base) {
    const int token = work.sequence * p.tokens + row / work.group, head = work.key_head * work.group + row % work.group;
    const float factor = base.sum == 0 ? 0 : m.reciprocal(base.sum);
    m.store(reinterpret_cast<Packed*>(p.o.row(token, head) + column),
            Packed{{m.template pack<E>(sums.o[0] * factor, sums.o[1] * factor),
                    m.template pack<E>(sums.o[2] * factor, sums.o[3] * factor)}});
    if (column == 0 && p.lse != nullptr) {
      const float lse = base.sum == 0 ? -INFINITY : (base.base + m.log2(base.sum)) * kLn2;
      m.store(p.lse + static_cast<int64_t>(head) * p.sequences * p.tokens + token, lse);
    }
  }
};

}  // namespace dermis
