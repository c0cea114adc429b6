// What attention_decode() refuses, and in which words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "core/error.h"
#include "tests/kernels/attention/decode_inputs.h"
#include "tests/kernels/attention/emulated_attention.h"
#include "tests/kernels/cuda/scarce_memory.h"
#include "tests/support/error_of.h"

namespace dermis {
namespace {

using testing::usage_error;

using ::testing::AllOf;
using ::testing::HasSubstr;

at::Tensor int_table(std::vector<int32_t> pages, int64_t sequences) {
  return at::tensor(pages, at::kInt).view({sequences, -1});
}

TEST(CachedSequencesErrors, OfLengthsAndPageTables) {
  const auto paged = [](std::vector<int32_t> lengths, const at::Tensor& table) {
    return usage_error([&] { CachedSequences::paged(lengths, table); });
  };
  EXPECT_EQ(paged({64, 0}, int_table({3, 7}, 2)), "no error");
  EXPECT_THAT(usage_error([] {
                CachedSequences::contiguous({3, -1});
              }),
              AllOf(HasSubstr("0 or more tokens"), HasSubstr("-1 of sequence 1")));
  EXPECT_THAT(paged({-1}, int_table({3}, 1)), HasSubstr("-1 of sequence 0"));
  EXPECT_THAT(paged({1, 65}, int_table({3, 7}, 2)),
              AllOf(HasSubstr("2 pages for the 65 tokens of sequence 1"), HasSubstr("1 pages a sequence")));
  EXPECT_THAT(paged({1}, int_table({3, 7}, 2)), AllOf(HasSubstr("int [1, pages"), HasSubstr("[2, 1]")));
  EXPECT_THAT(paged({1}, at::zeros({1, 1}, at::kLong)), HasSubstr("Long"));
  EXPECT_THAT(paged({1}, at::zeros({1}, at::kInt)), HasSubstr("int [1, pages"));
  EXPECT_THAT(paged({1}, at::zeros({1, 1}, at::TensorOptions().dtype(at::kInt).device(at::kMeta))), HasSubstr("meta"));
  EXPECT_THAT(paged({1}, at::Tensor()), HasSubstr("undefined"));
}

at::Tensor zeros(std::vector<int64_t> sizes, at::ScalarType type = at::kFloat) { return at::zeros(sizes, type); }

TEST(AttentionDecodeErrors, OfShapesTypesAndDevices) {
  const auto sequences = CachedSequences::contiguous({3, 3});
  const auto check = [&](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    return usage_error([&] { attention_decode(q, k, v, sequences); });
  };
  const at::Tensor q = zeros({2, 1, 4, 8}), cache = zeros({2, 5, 2, 8});
  EXPECT_EQ(check(q, cache, cache), "no error");
  EXPECT_THAT(check(zeros({2, 4, 8}), cache, cache), AllOf(HasSubstr("q does not fit"), HasSubstr("[B, N, H, D]")));
  EXPECT_THAT(check(zeros({2, 1, 4, 8}, at::kInt), cache, cache), HasSubstr("q does not fit"));
  EXPECT_THAT(check(at::Tensor(), cache, cache), HasSubstr("undefined"));
  EXPECT_THAT(check(q, zeros({10, 2, 8}), cache), AllOf(HasSubstr("k does not fit"), HasSubstr("[B, S_max, G, D]")));
  EXPECT_THAT(check(q, cache, zeros({2, 6, 2, 8})), AllOf(HasSubstr("v does not fit"), HasSubstr("the shape of k")));
  EXPECT_THAT(check(q, cache.to(at::kHalf), cache.to(at::kHalf)), HasSubstr("k does not fit"));
  EXPECT_THAT(check(q, cache, cache.to(at::kHalf)), AllOf(HasSubstr("v does not fit"), HasSubstr("the dtype of q")));
  EXPECT_THAT(check(q, cache, cache.to(at::kMeta)), AllOf(HasSubstr("v does not fit"), HasSubstr("the device of q")));
  EXPECT_THAT(check(zeros({2, 1, 4, 9}), cache, cache), HasSubstr("head size"));
  EXPECT_THAT(check(zeros({2, 1, 3, 8}), cache, cache), HasSubstr("multiple"));
  EXPECT_THAT(check(zeros({2, 0, 4, 8}), cache, cache), HasSubstr("one or more tokens"));
  EXPECT_THAT(check(zeros({3, 1, 4, 8}), cache, cache), AllOf(HasSubstr("2 sequences"), HasSubstr("[3, 1, 4, 8]")));
  EXPECT_THAT(check(q, zeros({3, 5, 2, 8}), zeros({3, 5, 2, 8})), HasSubstr("a block for every sequence"));
  const auto of_pages = CachedSequences::paged({3, 3}, int_table({0, 1}, 2));
  EXPECT_THAT(usage_error([&] { attention_decode(q, cache, cache, of_pages); }), HasSubstr("pages of 64 tokens"));
}

TEST(AttentionDecodeErrors, OfLengthsAndPages) {
  const at::Tensor q = zeros({2, 2, 4, 8}), cache = zeros({2, 5, 2, 8}), pages = zeros({3, 64, 2, 8});
  const auto contiguous = [&](std::vector<int32_t> lengths) {
    return usage_error([&] { attention_decode(q, cache, cache, CachedSequences::contiguous(lengths)); });
  };
  EXPECT_EQ(contiguous({2, 5}), "no error");
  EXPECT_THAT(contiguous({3, 1}), AllOf(HasSubstr("fewer tokens than queries"), HasSubstr("sequence 1 of 1 tokens"),
                                        HasSubstr("2 tokens or more")));
  EXPECT_THAT(contiguous({0, 2}), HasSubstr("sequence 0 of 0 tokens"));
  EXPECT_THAT(contiguous({2, 6}), AllOf(HasSubstr("longer than the cache"), HasSubstr("at most 5 tokens")));

  const auto paged = [&](std::vector<int32_t> lengths, std::vector<int32_t> table, int32_t window) {
    const auto sequences = CachedSequences::paged(lengths, int_table(table, 2));
    return usage_error([&] { attention_decode(q, pages, pages, sequences, {.window = window}); });
  };
  EXPECT_EQ(paged({64, 129}, {2, -1, -1, 0, 1, 2}, 0), "no error");
  EXPECT_THAT(paged({64, 129}, {2, -1, -1, 0, 1, 3}, 0),
              AllOf(HasSubstr("leaves the cache"), HasSubstr("sequence 1 of 129 tokens"), HasSubstr("pages 0 to 2"),
                    HasSubstr("page 3 for tokens 128 to 128")));
  EXPECT_THAT(paged({65, 2}, {2, -1, 0, 0}, 0), HasSubstr("page -1 for tokens 64 to 64"));
  // Of 129 tokens the last two see tokens 64 on with a window of 64, and token 63 with one of 65.
  EXPECT_EQ(paged({64, 129}, {2, -1, -1, -1, 1, 2}, 64), "no error");
  EXPECT_THAT(paged({64, 129}, {2, -1, -1, -1, 1, 2}, 65), HasSubstr("page -1 for tokens 0 to 63"));
}

TEST(AttentionDecodeErrors, OfOptions) {
  const at::Tensor q = zeros({1, 1, 1, 8}), cache = zeros({1, 2, 1, 8});
  const auto check = [&](const AttentionDecodeOptions& options) {
    return usage_error([&] { attention_decode(q, cache, cache, CachedSequences::contiguous({2}), options); });
  };
  EXPECT_THAT(check({.window = -1}), AllOf(HasSubstr("the window is below 0"), HasSubstr("found: -1")));
  EXPECT_THAT(check({.softcap = -1}), AllOf(HasSubstr("attention_decode"), HasSubstr("softcap -1")));
  EXPECT_THAT(check({.scale = std::numeric_limits<double>::infinity()}), HasSubstr("scale inf"));
}

TEST(AttentionDecodeErrors, OfWhatTheKernelDoesNotTake) {
  const testing::EmulatedGpu gpu(testing::emulated_attention_entries<64>());
  const auto check = [](const at::Tensor& q, const at::Tensor& cache, std::vector<int32_t> lengths,
                        const AttentionDecodeOptions& options = {}) {
    return usage_error(
        [&] { attention_decode(q, cache, cache, CachedSequences::contiguous(std::move(lengths)), options); });
  };
  const auto half = [](std::vector<int64_t> sizes) { return zeros(std::move(sizes), at::kBFloat16); };
  EXPECT_EQ(check(half({1, 4, 16, 64}), half({1, 9, 1, 64}), {9}), "no error");
  EXPECT_THAT(check(half({1, 5, 16, 64}), half({1, 9, 1, 64}), {9}),
              AllOf(HasSubstr("attention_decode on a GPU: too many query rows"), HasSubstr("at most 64"),
                    HasSubstr("found: 80"), HasSubstr("fewer tokens")));
  EXPECT_THAT(check(half({1, 1, 1, 80}), half({1, 9, 1, 80}), {9}), HasSubstr("64, 72, 128, 256"));
  EXPECT_THAT(check(half({1, 1, 1, 64}), half({1, 9, 1, 64}), {9}, {.scale = -1}), HasSubstr("positive"));
  EXPECT_THAT(check(half({1, 1, 1, 64}), half({1, 9, 1, 68}).narrow(3, 0, 64), {9}),
              AllOf(HasSubstr("k at"), HasSubstr("multiples of 16 bytes")));
  EXPECT_THAT(check(half({1, 1, 2, 64}), half({1, 9, 64, 2}).transpose(2, 3), {9}), HasSubstr("contiguous rows"));
  // Views of one number: refused before anything is read.
  EXPECT_THAT(check(half({1, 1, 1, 64}), half({1, 1, 1, 64}).expand({1, 2'147'483'647, 1, 64}), {2'147'483'647}),
              AllOf(HasSubstr("too many tokens in a sequence"), HasSubstr("2147467264")));
  EXPECT_THAT(check(half({1, 1, 1, 64}).expand({65536, 1, 32768, 64}),
                    half({1, 1, 1, 64}).expand({65536, 1, 32768, 64}), std::vector<int32_t>(65536, 1)),
              AllOf(HasSubstr("too many rows of all heads"), HasSubstr("found: 2147483648")));
}

TEST(AttentionDecodeErrors, AFullDeviceIsNamed) {
  const testing::EmulatedGpu gpu(testing::emulated_attention_entries<64>());
  const testing::DecodeCase c{"", {600}, 1, 1, 1, 64};
  const testing::DecodeInputs in = testing::decode_inputs(c, at::kBFloat16, true);
  for (int allowed = 0;; ++allowed) {
    const testing::ScarceMemory memory(allowed);
    try {
      attention_decode(in.q, in.k, in.v, in.sequences);
      EXPECT_GT(allowed, 2);
      return;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::device);
      EXPECT_THAT(error.what(), AllOf(HasSubstr("attention_decode"), HasSubstr("no memory left")));
    } catch (const c10::OutOfMemoryError&) {
      FAIL() << "allocation " << allowed << " is not named";
    }
  }
}

}  // namespace
}  // namespace dermis
