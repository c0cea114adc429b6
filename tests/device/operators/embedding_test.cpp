#include "kernels/embedding/embedding_kernel.h"

#include <map>

#include "kernels/embedding/row_groups.h"
#include "tests/device/operators/device_matrix.h"

namespace dermis::testing {
namespace {

template <class E>
class Embedding : public ::testing::Test {};
using AllTypes = ::testing::Types<float, Bf16, Fp16>;
TYPED_TEST_SUITE(Embedding, AllTypes);

std::vector<int64_t> wide(const std::vector<int32_t>& numbers) { return {numbers.begin(), numbers.end()}; }

// Two sequences that share a picture of two feature rows; token 7 comes often.
struct Tokens {
  std::vector<int32_t> text_rows{2, 3, 4, 7, 8, 9, 10}, text_ids{7, 0, 7, 7, 9, 7, 3};
  std::vector<int32_t> image_slots{0, 1, 5, 6}, image_rows{1, 2, 1, 2};
  int64_t tokens = 11, vocabulary = 10, features = 3;
};

TYPED_TEST(Embedding, GathersWordsAndImages) {
  const Tokens t;
  constexpr float kScale = 45.254833995939045F;  // sqrt(2048)
  for (const int32_t width : {1, 7, 192, 1152}) {
    for (const MatrixLayout& layout : kMatrixLayouts) {
      SCOPED_TRACE(std::to_string(width) + " " + layout.name);
      const auto words = normal_values<TypeParam>(1, 1, t.vocabulary * width, 0.05);
      const auto images = normal_values<TypeParam>(1, 2, t.features * width, 10);
      EmulatedDevice device;
      DeviceMatrix<TypeParam> word_rows(device, words, width, layout), image_rows(device, images, width, layout);
      DeviceMatrix<TypeParam> out(device, t.tokens, width, layout);
      DeviceBuffer<int64_t> text_rows(device, wide(t.text_rows)), text_ids(device, wide(t.text_ids));
      DeviceBuffer<int64_t> slots(device, wide(t.image_slots)), features(device, wide(t.image_rows));
      const EmbeddingForwardParams p{.type = kTypeOf<TypeParam>,
                                     .embedding = word_rows.input(),
                                     .features = image_rows.input(),
                                     .out = out.output(),
                                     .text_rows = text_rows.data(),
                                     .text_ids = text_ids.data(),
                                     .image_slots = slots.data(),
                                     .image_rows = features.data(),
                                     .texts = static_cast<int64_t>(t.text_ids.size()),
                                     .images = static_cast<int64_t>(t.image_slots.size()),
                                     .width = width,
                                     .scale = kScale};
      launch_emulated<EmbeddingForwardKernel<TypeParam>>(device, elementwise_launch(embedding_forward_pieces(p)), p, 1);
      std::vector<double> exact(static_cast<size_t>(t.tokens * width));
      const auto copy = [&](int32_t to, const std::vector<double>& table, int32_t from, double scale) {
        for (int32_t i = 0; i < width; ++i)
          exact[static_cast<size_t>(to * width + i)] = scale * table[static_cast<size_t>(from * width + i)];
      };
      for (size_t i = 0; i < t.text_ids.size(); ++i) copy(t.text_rows[i], words, t.text_ids[i], kScale);
      for (size_t i = 0; i < t.image_slots.size(); ++i) copy(t.image_slots[i], images, t.image_rows[i], 1);
      out.expect_all_written();
      expect_rounded<TypeParam>(out.values(), exact, 0x1p-23, exact, "out");
    }
  }
}

// `counts[g]` sources for target 2 g, in mixed order.
template <class E>
std::vector<double> check_row_sums(const std::vector<int32_t>& counts, int32_t width, MatrixLayout layout,
                                   uint64_t seed) {
  SCOPED_TRACE(std::to_string(width) + " " + layout.name + ", seed " + std::to_string(seed));
  constexpr float kScale = 3;
  std::vector<int32_t> targets;
  for (size_t g = 0; g < counts.size(); ++g)
    targets.insert(targets.end(), static_cast<size_t>(counts[g]), static_cast<int32_t>(2 * g));
  Random(seed, RandomPurpose::selftest, 9).shuffle(targets);
  std::vector<int32_t> sources;
  for (size_t i = 0; i < targets.size(); ++i) sources.push_back(static_cast<int32_t>(2 * i + 1));
  const RowGroups groups = group_rows(targets, sources);

  const auto rows = static_cast<int64_t>(2 * targets.size() + 1), targets_end = static_cast<int64_t>(2 * counts.size());
  const auto values = normal_values<E>(seed, 1, rows * width);
  EmulatedDevice device;
  DeviceMatrix<E> in(device, values, width, layout);
  DeviceMatrix<E> out(device, std::vector<double>(static_cast<size_t>(targets_end * width), -77), width, layout);
  DeviceBuffer<int64_t> group_targets(device, groups.targets), offsets(device, groups.offsets);
  DeviceBuffer<int64_t> group_sources(device, groups.sources);
  const RowSumsParams p{.type = kTypeOf<E>,
                        .rows = in.input(),
                        .out = out.output(),
                        .targets = group_targets.data(),
                        .offsets = offsets.data(),
                        .sources = group_sources.data(),
                        .groups = static_cast<int64_t>(groups.targets.size()),
                        .width = width,
                        .scale = kScale};
  launch_emulated<RowSumsKernel<E>>(device, row_sums_launch(p), p, seed);

  std::vector<double> exact(static_cast<size_t>(targets_end * width)), sizes = exact;
  for (size_t i = 0; i < targets.size(); ++i) {
    for (int32_t c = 0; c < width; ++c) {
      const auto to = static_cast<size_t>(targets[i] * width + c);
      const double value = kScale * values[static_cast<size_t>(sources[i] * width + c)];
      exact[to] += value;
      sizes[to] += std::abs(value);
    }
  }
  for (size_t i = 0; i < exact.size(); ++i)
    if (sizes[i] == 0) exact[i] = -77;  // a row without sources is left alone
  expect_rounded<E>(out.values(), exact, 0x1p-22, sizes, "sums");
  return out.values();
}

TYPED_TEST(Embedding, RowSumsAreExactToRounding) {
  uint64_t seed = 0;
  for (const int32_t width : {1, 7, 127, 300}) {
    for (const MatrixLayout& layout : kMatrixLayouts) {
      seed = seed % 3 + 1;
      check_row_sums<TypeParam>({1, 0, 5, 70, 2, 4, 17}, width, layout, seed);
      if (this->HasFatalFailure()) return;
    }
  }
  check_row_sums<TypeParam>({}, 8, {}, 1);
}

TEST(RowGroups, AreStableAndLongestFirst) {
  const std::vector<int32_t> targets{5, 2, 5, 9, 5, 2}, sources{0, 1, 2, 3, 4, 5};
  const RowGroups groups = group_rows(targets, sources);
  EXPECT_EQ(groups.targets, (std::vector<int64_t>{5, 2, 9}));
  EXPECT_EQ(groups.offsets, (std::vector<int64_t>{0, 3, 5, 6}));
  EXPECT_EQ(groups.sources, (std::vector<int64_t>{0, 2, 4, 1, 5, 3}));
  EXPECT_EQ(group_rows({}, {}).offsets, (std::vector<int64_t>{0}));
}

}  // namespace
}  // namespace dermis::testing
