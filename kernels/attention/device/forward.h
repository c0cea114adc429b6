// Attention forward (arXiv 2205.14135, 2307.08691): o = softmax(scale q k^T over visible keys) v and its log-sum-exp.
//
// A block takes kRows flat query rows of one key/value head (params.h) and walks the tiles of keys that any of them
// sees, from lo of the first row to hi of the last. Each warp sorts the tiles for its own rows: those that none of them
// sees are skipped; those that all of them see, between lo of the last row and hi of the first, need no mask.
//
// Requires scale > 0, and finite values in all visible keys: a row gives the keys of its neighbours a weight of 0.
#pragma once

#include "kernels/attention/device/forward_launch.h"
#include "kernels/attention/device/softmax.h"
#include "kernels/attention/device/strips.h"

namespace dermis {

template <class E, int D, bool kSoftcap>
struct AttentionForward {
  using Params = AttentionForwardParams<E>;
  using Config = ForwardConfig<D>;
  static constexpr int kThreads = Config::kThreads, kBlocksPerSm = Config::kBlocksPerSm;
  static constexpr uint32_t kSharedBytes = Config::kSharedBytes;
  static constexpr int kRows = Config::kRows, kKeys = Config::kKeys, kStep = Config::kStep;
  static constexpr int kStages = Config::kStages;
  static constexpr int kStrips = Config::kStrips, kWarpRows = 16 * kStrips;

  using QueryTile = Tile<E, kRows, D>;
  using KeyTile = Tile<E, kKeys, D>;
  using Scores = float[kStrips][kStep / 8][4];
  using Sums = float[kStrips][D / 8][4];
  enum class Seen { nothing, some, everything };  // of a tile of keys by a warp's rows
  // Two words a row of the block: the keys it sees, and when all are done, where its results go.
  struct alignas(8) Interval {
    int32_t lo, hi;
  };
  struct alignas(8) Place {
    int32_t token, head;
  };

  // The block's flat rows, and the keys [begin, end) that any of them sees.
  struct Work {
    int first_row, row_count;  // row_count: those that exist
    int group, key_head;
    int begin, end;

    DERMIS_DEVICE int token(int row) const { return (first_row + row) / group; }
    DERMIS_DEVICE int head(int row) const { return key_head * group + (first_row + row) % group; }
  };

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const Work work = block_work(m, p);
    const int warp_row = m.warp() * kWarpRows;
    copy_queries(m, p, work);
    for (int i = 0; i < Config::kStagesBeforeQueries; ++i) copy_stage(m, p, work, work.begin + i * kKeys, i);
    store_intervals(m, p, work);

    QueryFragments<E, D, kStrips> queries;
    m.template wait<Config::kStagesBeforeQueries>();
    m.sync();
    queries.load(m, QueryTile{{Config::kQueriesAt}}, warp_row);
    m.sync();  // everyone has read what the next stages overwrite
    for (int i = Config::kStagesBeforeQueries; i < kStages - 1; ++i) copy_stage(m, p, work, work.begin + i * kKeys, i);

    OnlineSoftmax softmax[kStrips];
    Sums o = {};
    DERMIS_NO_UNROLL
    for (int first = work.begin, stage = 0; first < work.end; first += kKeys, stage = (stage + 1) % kStages) {
      const Seen seen = seen_by_warp(m, warp_row, first);
      m.template wait<kStages - 2>();
      m.sync();  // this tile has come, and everyone is done with the one before: its stage takes the next copy
      copy_stage(m, p, work, first + (kStages - 1) * kKeys, (stage + kStages - 1) % kStages);
      if (seen == Seen::nothing) continue;
      DERMIS_NO_UNROLL
      for (int key = 0; key < kKeys; key += kStep) {
        Scores s = {};
        strip_scores<E, D, kStep>(m, queries, key_tile(stage).from_row(key), s);
        if constexpr (kSoftcap) cap_scores(m, p, s);
        if (seen == Seen::some) hide_keys(m, first + key, warp_row, s);
        DERMIS_UNROLL
        for (int strip = 0; strip < kStrips; ++strip) {
          softmax[strip].add(m, kSoftcap ? 1 : p.scale * kLog2E, s[strip], o[strip]);
        }
        uint32_t weights[kStep / 16][kStrips][4];
        round_weights<E, kStep>(m, s, weights);
        strip_accumulate<E, D, kStep>(m, weights, value_tile(stage).from_row(key), o);
      }
    }
    m.template wait<0>();
    m.sync();  // the ring is free for results
    store_results(m, p, block_work(m, p), warp_row, softmax, o);
  }

 private:
  DERMIS_DEVICE static int min_of(int a, int b) { return a < b ? a : b; }

  // What is loaded is the same in all lanes; the shuffles tell the compiler so.
  template <class M>
  DERMIS_DEVICE static Work block_work(M& m, const Params& p) {
    Work work;
    work.group = p.H / p.G;
    work.key_head = m.block(0) % p.G;
    work.first_row = m.shuffle(m.load(p.tile_order + m.block(0) / p.G), 0) * kRows;
    work.row_count = min_of(kRows, p.T * work.group - work.first_row);
    work.begin = m.shuffle(m.load(p.visible.lo + work.token(0)), 0);
    work.end = m.shuffle(m.load(p.visible.hi + work.token(work.row_count - 1)), 0);
    return work;
  }

  // Rows that do not exist are zeros.
  template <class M>
  DERMIS_DEVICE static void copy_queries(M& m, const Params& p, const Work& work) {
    QueryTile{{Config::kQueriesAt}}.template copy_rows_async<kThreads>(
        m, work.row_count, [&](int row) { return p.q.row(work.token(row), work.head(row)); });
    m.commit();
  }

  // Keys past the end are zeros. Past the last tile nothing is copied, but the group of copies is counted all the same.
  template <class M>
  DERMIS_DEVICE static void copy_stage(M& m, const Params& p, const Work& work, int first, int stage) {
    const int count = work.end - first;
    if (count > 0) {
      key_tile(stage).template copy_rows_async<kThreads>(
          m, count, [&](int row) { return key_row(p.k, first + row, work.key_head); });
      value_tile(stage).template copy_rows_async<kThreads>(
          m, count, [&](int row) { return key_row(p.v, first + row, work.key_head); });
    }
    m.commit();
  }
  // Unsigned, which takes fewer registers for the address.
  DERMIS_DEVICE static const E* key_row(const TokenHeads<const E>& x, uint32_t token, uint32_t head) {
    return x.row(token, head);
  }
  DERMIS_DEVICE static KeyTile key_tile(int stage) {
    return {{Config::kRingAt + static_cast<uint32_t>(stage) * Config::kStageBytes}};
  }
  DERMIS_DEVICE static KeyTile value_tile(int stage) { return {key_tile(stage).base + Config::kTileBytes}; }

  DERMIS_DEVICE static Shared words_of(int row) { return Shared{Config::kRowWordsAt} + static_cast<uint32_t>(row) * 8; }

  // Intervals stay monotone: rows that do not exist see what the last one sees, and nothing where a warp has no row.
  template <class M>
  DERMIS_DEVICE static void store_intervals(M& m, const Params& p, const Work& work) {
    for (int row = m.thread(); row < kRows; row += kThreads) {
      Interval interval{work.end, work.end};
      if (row / kWarpRows * kWarpRows < work.row_count) {
        const int token = work.token(min_of(row, work.row_count - 1));
        interval = {m.load(p.visible.lo + token), m.load(p.visible.hi + token)};
      }
      m.store(words_of(row), interval);
    }
  }

  template <class M>
  DERMIS_DEVICE static Seen seen_by_warp(M& m, int warp_row, int first_key) {
    const auto first = m.template load<Interval>(words_of(warp_row));
    const auto last = m.template load<Interval>(words_of(warp_row + kWarpRows - 1));
    if (first_key >= last.hi || first_key + kKeys <= first.lo) return Seen::nothing;
    return first_key >= last.lo && first_key + kKeys <= first.hi ? Seen::everything : Seen::some;
  }

  template <class M>
  DERMIS_DEVICE static void cap_scores(M& m, const Params& p, Scores& s) {
    const Softcap cap = Softcap::of(m, p.scale, p.softcap);
    DERMIS_UNROLL
    for (int strip = 0; strip < kStrips; ++strip) {
      DERMIS_UNROLL
      for (int n = 0; n < kStep / 8; ++n) {
        DERMIS_UNROLL
        for (float& score : s[strip][n]) score = cap(m, score);
      }
    }
  }

  // Scores of keys outside a row's interval become -infinity.
  template <class M>
  DERMIS_DEVICE static void hide_keys(M& m, int first_key, int warp_row, Scores& s) {
    DERMIS_UNROLL
    for (int strip = 0; strip < kStrips; ++strip) {
      DERMIS_UNROLL
      for (int half = 0; half < 2; ++half) {
        const int row = warp_row + 16 * strip + m.lane() / 4 + 8 * half;
        const auto interval = m.template load<Interval>(words_of(row));
        // One comparison sees both ends: keys before lo wrap to large numbers.
        const uint32_t count = static_cast<uint32_t>(interval.hi - interval.lo);
        const uint32_t first = static_cast<uint32_t>(first_key + m.lane() % 4 * 2 - interval.lo);
        DERMIS_UNROLL
        for (int n = 0; n < kStep / 8; ++n) {
          if (first + 8 * n >= count) s[strip][n][2 * half] = -INFINITY;
          if (first + 8 * n + 1 >= count) s[strip][n][2 * half + 1] = -INFINITY;
        }
      }
    }
  }

  // Each warp turns its own rows: fragments go to shared memory, whole rows leave it in pieces of 16 bytes.
  template <class M>
  DERMIS_DEVICE static void store_results(M& m, const Params& p, const Work& work, int warp_row,
                                          const OnlineSoftmax (&softmax)[kStrips], const Sums& o) {
    const QueryTile out{{Config::kRingAt}};
    if (m.lane() < kWarpRows) {
      const int row = warp_row + m.lane();
      m.store(words_of(row), Place{work.token(row), work.head(row)});
    }
    m.sync_warp();
    DERMIS_UNROLL
    for (int strip = 0; strip < kStrips; ++strip) {
      DERMIS_UNROLL
      for (int half = 0; half < 2; ++half) {
        const int row = warp_row + 16 * strip + m.lane() / 4 + 8 * half;
        float factor, lse;
        softmax[strip].finish(m, half, factor, lse);
        if (m.lane() % 4 == 0 && row < work.row_count) {
          const auto place = m.template load<Place>(words_of(row));
          m.store(p.lse + static_cast<int64_t>(place.head) * p.T + place.token, lse);
        }
        DERMIS_UNROLL
        for (int n = 0; n < D / 8; ++n) {
          m.store(out.chunk(row, n) + static_cast<uint32_t>(m.lane() % 4 * 4),
                  m.template pack<E>(o[strip][n][2 * half] * factor, o[strip][n][2 * half + 1] * factor));
        }
      }
    }
    m.sync_warp();
    DERMIS_UNROLL
    for (int i = 0; i < kWarpRows * QueryTile::kChunks / kWarpSize; ++i) {
      const int index = i * kWarpSize + m.lane();
      const int row = warp_row + index / QueryTile::kChunks, column = index % QueryTile::kChunks;
      if (row < work.row_count) {
        const auto place = m.template load<Place>(words_of(row));
        m.store(reinterpret_cast<Vec16*>(p.o.row(place.token, place.head) + column * 8),
                m.template load<Vec16>(out.chunk(row, column)));
      }
    }
  }
};

}  // namespace dermis
