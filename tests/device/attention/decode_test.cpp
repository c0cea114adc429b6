// The decode kernel under emulation against fp64: contiguous and paged caches, ragged lengths, windows, several tokens,
// any number of splits.
#include "kernels/attention/device/decode.h"

#include "tests/device/attention/strided_rows.h"
#include "tests/device/emulator/fault_of.h"

namespace dermis::testing {
namespace {

struct DecodeCase {
  std::vector<int32_t> begins, ends;  // a sequence each
  int32_t tokens = 1, H = 1, G = 1, window = 0, splits = 1;
  bool paged = false;
};

// The cache holds kCapacity keys a sequence; keys that nobody may read are NaN.
constexpr int32_t kCapacity = 320, kMaxPages = kCapacity / kPageTokens;

// Of sequence b: its keys and values on an axis of kCapacity, its query tokens the last ones.
template <class E>
AttentionProblem sequence_problem(const DecodeCase& c, size_t b, int64_t D, double softcap, uint64_t seed) {
  std::vector<int32_t> lo, hi;
  for (int32_t i = 0; i < c.tokens; ++i) {
    hi.push_back(std::max(c.ends[b] - (c.tokens - 1 - i), c.begins[b]));
    lo.push_back(c.window > 0 ? std::max(c.begins[b], hi.back() - c.window) : c.begins[b]);
  }
  return random_problem<E>(VisibleKeys(lo, hi, kCapacity), c.H, c.G, D, softcap, seed * 100 + b);
}

struct DecodeResult {
  std::vector<std::vector<double>> o;   // of each sequence
  std::vector<std::vector<float>> lse;  // [H, tokens] of each sequence
  bool exactly_written = false, tickets_reset = false;
};

template <class E, int D, bool kSoftcap, class Machine = Emulator>
DecodeResult run_decode(const DecodeCase& c, const std::vector<AttentionProblem>& problems, uint64_t seed) {
  EmulatedDevice device;
  const int64_t sequences = static_cast<int64_t>(problems.size()), tokens = sequences * c.tokens;
  std::vector<double> queries;
  for (const AttentionProblem& x : problems) queries.insert(queries.end(), x.q.begin(), x.q.end());
  const StridedRows<E> q(device, queries, tokens, c.H, D, Layout::sliced);
  StridedRows<E> o(device, tokens, c.H, D, Layout::sliced);

  // Pages lie in the cache in random order; a contiguous cache is one of pages in order.
  std::vector<int32_t> table(static_cast<size_t>(sequences) * kMaxPages);
  for (size_t i = 0; i < table.size(); ++i) table[i] = static_cast<int32_t>(i);
  std::mt19937_64 generator(seed);
  if (c.paged) std::shuffle(table.begin(), table.end(), generator);
  const size_t page = static_cast<size_t>(kPageTokens) * c.G * D;
  const auto filled = [&](std::vector<double> AttentionProblem::*values) {
    std::vector<E> cache(table.size() * page, E{0x7fff});
    for (size_t b = 0; b < problems.size(); ++b) {
      for (int32_t key = problems[b].visible.lo().front(); key < c.ends[b]; ++key) {
        for (size_t i = 0; i < static_cast<size_t>(c.G) * D; ++i) {
          const auto block = static_cast<size_t>(table[b * kMaxPages + static_cast<size_t>(key) / kPageTokens]);
          cache[block * page + static_cast<size_t>(key) % kPageTokens * c.G * D + i] =
              to_element<E>((problems[b].*values)[static_cast<size_t>(key) * c.G * D + i]);
        }
      }
    }
    return cache;
  };
  const DeviceBuffer<E> k(device, filled(&AttentionProblem::k)), v(device, filled(&AttentionProblem::v));
  const DeviceBuffer<int32_t> pages(device, table), begins(device, c.begins), ends(device, c.ends);
  DeviceBuffer<float> lse(device, static_cast<size_t>(c.H * tokens));
  DeviceBuffer<float> partials(
      device, static_cast<size_t>(std::max<int64_t>(4, decode_partial_floats(sequences, c.tokens, c.H, D, c.splits))));
  DeviceBuffer<uint32_t> tickets(device, std::vector<uint32_t>(static_cast<size_t>(sequences * c.G), 0));

  AttentionDecodeParams<E> params{};
  params.q = q.view(), params.o = o.writable(), params.lse = lse.data();
  const int64_t block_stride = static_cast<int64_t>(c.paged ? page : page * kMaxPages);
  params.k = {k.data(), block_stride, c.G * D, D};
  params.v = {v.data(), block_stride, c.G * D, D};
  params.page_table = c.paged ? pages.data() : nullptr;
  params.key_begin = begins.data(), params.key_end = ends.data();
  params.partials = partials.data(), params.tickets = tickets.data();
  params.sequences = static_cast<int32_t>(sequences), params.tokens = c.tokens, params.max_pages = kMaxPages;
  params.H = c.H, params.G = c.G, params.splits = c.splits, params.window = c.window;
  params.scale = static_cast<float>(problems[0].scale), params.softcap = static_cast<float>(problems[0].softcap);

  emulate<AttentionDecode<E, D, kSoftcap>, Machine>(device, decode_launch<D>(sequences, c.G, c.splits), params,
                                                    {.seed = seed, .resident_blocks = static_cast<int>(1 + seed % 4)});
  DecodeResult result;
  const std::vector<double> all = o.values();
  const std::vector<float> all_lse = lse.download();
  for (int64_t b = 0; b < sequences; ++b) {
    const int64_t size = static_cast<int64_t>(c.tokens) * c.H * D;
    result.o.emplace_back(all.begin() + b * size, all.begin() + (b + 1) * size);
    result.lse.emplace_back();
    for (int64_t h = 0; h < c.H; ++h) {
      for (int64_t t = 0; t < c.tokens; ++t)
        result.lse.back().push_back(all_lse[static_cast<size_t>(h * tokens + b * c.tokens + t)]);
    }
  }
  result.exactly_written = o.exactly_elements_written() && lse.unwritten() == 0;
  const std::vector<uint32_t> counters = tickets.download();
  result.tickets_reset = std::all_of(counters.begin(), counters.end(), [](uint32_t x) { return x == 0; });
  return result;
}

const std::vector<DecodeCase>& cases() {
  static const std::vector<DecodeCase> list{
      {.begins = {0, 0, 0}, .ends = {1, 0, 64}},
      {.begins = {0, 0}, .ends = {300, 65}, .H = 8, .splits = 3},
      {.begins = {0, 7}, .ends = {257, 129}, .tokens = 3, .H = 2, .G = 2, .splits = 4, .paged = true},
      {.begins = {0, 0}, .ends = {320, 3}, .tokens = 8, .H = 8, .splits = 2, .paged = true},
      {.begins = {40, 0}, .ends = {300, 30}, .tokens = 2, .H = 6, .G = 2, .window = 50, .splits = 5, .paged = true},
      {.begins = {0}, .ends = {200}, .tokens = 7, .H = 6, .window = 1},
  };
  return list;
}

template <class E, int D, bool kSoftcap>
void expect_exact() {
  ErrorTally<E> tally;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    for (size_t i = 0; i < cases().size(); ++i) {
      const DecodeCase& c = cases()[i];
      std::vector<AttentionProblem> problems;
      for (size_t b = 0; b < c.ends.size(); ++b)
        problems.push_back(sequence_problem<E>(c, b, D, kSoftcap ? 3.0 : 0.0, seed));
      const DecodeResult found = run_decode<E, D, kSoftcap>(c, problems, seed);
      for (size_t b = 0; b < problems.size(); ++b) {
        const std::string where =
            "case " + std::to_string(i) + ", sequence " + std::to_string(b) + ", seed " + std::to_string(seed);
        const AttentionValues exact = exact_attention(problems[b], false);
        tally.add(where, found.o[b], plain_attention<E>(problems[b], false).o, exact.o);
        expect_lse_near(where, found.lse[b], exact.lse);
      }
      EXPECT_TRUE(found.exactly_written) << "case " << i;
      EXPECT_TRUE(found.tickets_reset) << "case " << i;
    }
  }
  tally.expect_within_bounds("o");
}

TEST(AttentionDecode, Bf16Head64) { expect_exact<Bf16, 64, false>(); }
TEST(AttentionDecode, Bf16Head64Softcap) { expect_exact<Bf16, 64, true>(); }
TEST(AttentionDecode, Bf16Head72) { expect_exact<Bf16, 72, false>(); }
TEST(AttentionDecode, Bf16Head72Softcap) { expect_exact<Bf16, 72, true>(); }
TEST(AttentionDecode, Bf16Head128) { expect_exact<Bf16, 128, false>(); }
TEST(AttentionDecode, Bf16Head128Softcap) { expect_exact<Bf16, 128, true>(); }
TEST(AttentionDecode, Bf16Head256) { expect_exact<Bf16, 256, false>(); }
TEST(AttentionDecode, Bf16Head256Softcap) { expect_exact<Bf16, 256, true>(); }
TEST(AttentionDecode, Fp16Head64) { expect_exact<Fp16, 64, false>(); }
TEST(AttentionDecode, Fp16Head64Softcap) { expect_exact<Fp16, 64, true>(); }
TEST(AttentionDecode, Fp16Head72) { expect_exact<Fp16, 72, false>(); }
TEST(AttentionDecode, Fp16Head72Softcap) { expect_exact<Fp16, 72, true>(); }
TEST(AttentionDecode, Fp16Head128) { expect_exact<Fp16, 128, false>(); }
TEST(AttentionDecode, Fp16Head128Softcap) { expect_exact<Fp16, 128, true>(); }
TEST(AttentionDecode, Fp16Head256) { expect_exact<Fp16, 256, false>(); }
TEST(AttentionDecode, Fp16Head256Softcap) { expect_exact<Fp16, 256, true>(); }

std::vector<AttentionProblem> split_problems(const DecodeCase& c) {
  return {sequence_problem<Bf16>(c, 0, 64, 0, 1), sequence_problem<Bf16>(c, 1, 64, 0, 1)};
}

TEST(AttentionDecode, SameBitsWhicheverBlockArrivesLast) {
  const DecodeCase& c = cases()[1];
  const std::vector<AttentionProblem> problems = split_problems(c);
  const DecodeResult first = run_decode<Bf16, 64, false>(c, problems, 1);
  for (uint64_t seed = 2; seed <= 12; ++seed) {
    const DecodeResult again = run_decode<Bf16, 64, false>(c, problems, seed);
    EXPECT_EQ(again.o, first.o) << "seed " << seed;
    EXPECT_EQ(again.lse, first.lse) << "seed " << seed;
  }
}

struct WithoutFence : Emulator {
  void fence() {}
};
template <int Skipped>
struct WithoutBarrier : Emulator {
  int barriers = 0;
  void sync(CallSite site = CallSite::here()) {
    if (barriers++ != Skipped) Emulator::sync(site);
  }
};
TEST(AttentionDecode, PlantedBugsAreCaught) {
  const DecodeCase& c = cases()[1];
  const std::vector<AttentionProblem> problems = split_problems(c);
  const auto with = [&]<class Machine>(Machine) {
    return [&](uint64_t seed) { run_decode<Bf16, 64, false, Machine>(c, problems, seed); };
  };
  expect_clean(with(Emulator{}));
  expect_some_fault(with(WithoutFence{}));
  expect_some_fault(with(WithoutBarrier<0>{}));  // queries have come
  expect_some_fault(with(WithoutBarrier<1>{}));  // the first tile has
}

TEST(DecodeLaunch, SplitsFillTheGpuButNotWithScraps) {
  EXPECT_EQ(decode_splits(128, 1, 8, 8192, 132), 33);     // 264 blocks wanted for 8 pairs
  EXPECT_EQ(decode_splits(128, 1, 8, 256, 132), 2);       // 8 tiles: no fewer than 4 each
  EXPECT_EQ(decode_splits(128, 64, 8, 8192, 132), 1);     // enough blocks as it is
  EXPECT_EQ(decode_splits(64, 1, 1, 1 << 20, 132), 128);  // no more than this
  EXPECT_EQ(decode_splits(64, 1, 1, 0, 132), 1);
}

}  // namespace
}  // namespace dermis::testing
