// Decoding steps against fp64: gathered keys on the CPU, the kernel on the emulated GPU.
#include "kernels/attention/attention_decode.h"

#include <gtest/gtest.h>

#include "tests/kernels/attention/decode_inputs.h"
#include "tests/kernels/attention/emulated_attention.h"

namespace dermis {
namespace {

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

void expect_near(const AttentionDecodeResult& found, const AttentionDecodeResult& expected, double allowed) {
  ASSERT_EQ(found.o_BNHD.sizes(), expected.o_BNHD.sizes());
  ASSERT_EQ(found.lse_HBN.sizes(), expected.lse_HBN.sizes());
  EXPECT_TRUE(found.o_BNHD.is_contiguous());
  EXPECT_LE(largest(found.o_BNHD.to(at::kDouble) - expected.o_BNHD), allowed * largest(expected.o_BNHD));
  EXPECT_LE(largest(found.lse_HBN.to(at::kDouble) - expected.lse_HBN), std::max(allowed / 100, 1e-5));
}

AttentionDecodeResult run(const testing::DecodeInputs& in, const testing::DecodeCase& c) {
  return attention_decode(in.q, in.k, in.v, in.sequences, c.options);
}

TEST(AttentionDecodeOperator, EqualsTheReferenceOnTheCpu) {
  const std::vector<std::pair<at::ScalarType, double>> types{
      {at::kDouble, 1e-12}, {at::kFloat, 1e-5}, {at::kBFloat16, 0x1p-8}, {at::kHalf, 0x1p-11}};
  for (const auto& [type, allowed] : types) {
    for (const bool paged : {false, true}) {
      for (const testing::DecodeCase& c : testing::decode_cases(24)) {
        SCOPED_TRACE(c.name + (paged ? ", paged, " : ", ") + at::toString(type));
        const testing::DecodeInputs in = testing::decode_inputs(c, type, paged);
        const AttentionDecodeResult found = run(in, c);
        EXPECT_EQ(found.o_BNHD.scalar_type(), type);
        expect_near(found, in.expected, allowed);
      }
    }
  }
}

// What the last launch was asked, and how many there were.
AttentionDecodeParams<void> asked;
int launches = 0;

// Of the emulated module's kernels the one that decodes alone.
DermisCudaEntries decode_entries() {
  static decltype(DermisCudaEntries::attention_decode) decode;
  DermisCudaEntries entries = testing::emulated_attention_entries<64>();
  decode = entries.attention_decode;
  entries.attention_forward = nullptr;
  entries.attention_decode = [](ElementType type, int head_size, const AttentionDecodeParams<void>& p, void* stream) {
    asked = p;
    ++launches;
    return decode(type, head_size, p, stream);
  };
  return entries;
}

// A page of index -1 lies in no buffer and would be a fault; what is not read of other pages and blocks is NaN.
TEST(AttentionDecodeOperator, EqualsTheReferenceOnAGpuInOneLaunch) {
  const testing::EmulatedGpu gpu(decode_entries());
  bool split = false;
  for (const testing::DecodeCase& c : testing::decode_cases(64)) {
    AttentionDecodeResult contiguous;
    for (const bool paged : {false, true}) {
      SCOPED_TRACE(c.name + (paged ? ", paged" : ""));
      const testing::DecodeInputs in = testing::decode_inputs(c, at::kBFloat16, paged);
      launches = 0;
      const AttentionDecodeResult found = run(in, c);
      EXPECT_EQ(launches, 1);
      EXPECT_EQ(asked.page_table != nullptr, paged);
      split = split || asked.splits > 1;
      expect_near(found, in.expected, 0x1p-7);
      if (!paged) contiguous = found;
      EXPECT_TRUE(at::equal(found.o_BNHD, contiguous.o_BNHD)) << "where keys lie changes no bit";
      EXPECT_TRUE(at::equal(found.lse_HBN, contiguous.lse_HBN));
    }
  }
  EXPECT_TRUE(split);
}

// Splits are chosen by the keys that are read, not by those that there are.
TEST(AttentionDecodeOperator, AWindowIsNotSplitLikeTheWholeSequence) {
  const testing::EmulatedGpu gpu(decode_entries());
  testing::DecodeCase c{"", {1200}, 1, 1, 1, 64};
  run(testing::decode_inputs(c, at::kBFloat16, true), c);
  EXPECT_EQ(asked.splits, decode_splits(64, 1, 1, 1200, 16));
  c.options.window = 70;
  run(testing::decode_inputs(c, at::kBFloat16, true), c);
  EXPECT_EQ(asked.splits, 1);
}

// Keys and values side by side in one cache, queries inside a projection or in another order of dimensions.
TEST(AttentionDecodeOperator, TakesSlicesAndOtherOrders) {
  const testing::EmulatedGpu gpu(decode_entries());
  const testing::DecodeCase c{"", {70, 130}, 2, 2, 2, 64};
  for (const bool paged : {false, true}) {
    testing::DecodeInputs in = testing::decode_inputs(c, at::kBFloat16, paged);
    const at::Tensor cache = at::cat({in.k, in.v}, 2);
    in.k = cache.narrow(2, 0, 2);
    in.v = cache.narrow(2, 2, 2);
    const at::Tensor q = in.q;
    in.q = at::cat({q, q * 0}, 2).narrow(2, 0, 2);
    expect_near(run(in, c), in.expected, 0x1p-7);
    EXPECT_EQ(asked.q.data, in.q.const_data_ptr());
    in.q = q.transpose(2, 3).contiguous().transpose(2, 3);
    expect_near(run(in, c), in.expected, 0x1p-7);
    in.q = q.transpose(0, 1).contiguous().transpose(0, 1);
    expect_near(run(in, c), in.expected, 0x1p-7);
    in.k = in.k.transpose(1, 2).contiguous().transpose(1, 2);
    expect_near(run(in, c), in.expected, 0x1p-7);
  }
}

TEST(AttentionDecodeOperator, LayersShareOneUpload) {
  const testing::EmulatedGpu gpu(decode_entries());
  const testing::DecodeCase c{"", {70, 130}, 1, 1, 1, 64};
  const testing::DecodeInputs in = testing::decode_inputs(c, at::kBFloat16, true);
  run(in, c);
  const AttentionDecodeParams<void> first = asked;
  const CachedSequences copy = in.sequences;
  attention_decode(in.q, in.k, in.v, copy, c.options);
  EXPECT_EQ(asked.key_end, first.key_end);
  EXPECT_EQ(asked.page_table, first.page_table);
  EXPECT_EQ(asked.max_pages, 4);
}

TEST(AttentionDecodeOperator, NoSequencesGiveNoRows) {
  const testing::EmulatedGpu gpu(decode_entries());
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor q = at::empty({0, 3, 4, 64}, type), pages = at::empty({5, 64, 2, 64}, type);
    const auto none = CachedSequences::paged({}, at::empty({0, 7}, at::kInt));
    const AttentionDecodeResult found = attention_decode(q, pages, pages, none);
    EXPECT_EQ(found.o_BNHD.sizes(), (std::vector<int64_t>{0, 3, 4, 64}));
    EXPECT_EQ(found.lse_HBN.sizes(), (std::vector<int64_t>{4, 0, 3}));
  }
}

TEST(AttentionDecodeOperator, StaysOutOfAutograd) {
  const testing::DecodeCase c{"", {5}, 1, 1, 1, 8};
  testing::DecodeInputs in = testing::decode_inputs(c, at::kFloat, false);
  in.q.requires_grad_();
  EXPECT_FALSE(run(in, c).o_BNHD.requires_grad());
}

}  // namespace
}  // namespace dermis
