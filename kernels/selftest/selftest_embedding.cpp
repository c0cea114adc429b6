#include <ATen/ATen.h>

#include <numeric>
#include <span>

#include "kernels/embedding/embedding.h"
#include "kernels/image_normalise/image_normalise.h"
#include "kernels/selftest/selftest_makers.h"

namespace dermis {
namespace {

using TensorList = std::vector<at::Tensor>;

std::vector<int32_t> draw_rows(SelftestDraw& draw, int64_t count, int64_t below) {
  std::vector<int32_t> rows;
  for (int64_t i = 0; i < count; ++i)
    rows.push_back(static_cast<int32_t>(draw.random.below(static_cast<uint64_t>(below))));
  return rows;
}

at::Tensor by_colour(const std::array<float, 3>& values) {
  return at::tensor({values[0], values[1], values[2]}).to(at::kDouble).view({1, 3, 1, 1});
}

}  // namespace

SelftestCase make_embedding_case(SelftestDraw& draw) {
  const int64_t vocabulary = draw.between(2, 400), width = draw.between(1, 300), features = draw.between(1, 60);
  const int64_t texts = draw.between(1, 200), images = draw.between(0, 80);
  std::vector<int32_t> rows(static_cast<size_t>(texts + images));
  std::iota(rows.begin(), rows.end(), 0);
  draw.random.shuffle(rows);
  const std::vector<int32_t> text_rows(rows.begin(), rows.begin() + texts), slots(rows.begin() + texts, rows.end());
  const std::vector<int32_t> ids = draw_rows(draw, texts, vocabulary), image_rows = draw_rows(draw, images, features);
  const double scale = static_cast<float>(draw.random.uniform(0.5, 30));
  return {selftest_shape({{"words", texts}, {"image rows", images}, {"vocabulary", vocabulary}, {"width", width}}),
          {selftest_normal(draw, {vocabulary, width}), selftest_normal(draw, {features, width})},
          [=](const TensorList& in) {
            const EmbeddingRows places = embedding_rows(text_rows, ids, slots, image_rows, in[0].device());
            return TensorList{embed_tokens(in[0], in[1], places, scale)};
          }};
}

SelftestCase make_image_normalise_case(SelftestDraw& draw) {
  const int64_t images = draw.between(1, 5), size = draw.between(1, 60);
  const at::Tensor pixels = at::empty({images, 3, size, size}, at::kDouble);
  double* values = pixels.mutable_data_ptr<double>();
  for (int64_t i = 0; i < pixels.numel(); ++i) values[i] = static_cast<double>(draw.random.below(256));
  std::array<float, 3> mean{}, std{};
  for (float& each : mean) each = static_cast<float>(draw.random.uniform(0.2, 0.7));
  for (float& each : std) each = static_cast<float>(draw.random.uniform(0.2, 0.6));
  return {selftest_shape({{"pictures", images}, {"size", size}}),
          {pixels},
          [mean, std](const TensorList& in) {
            if (in[0].scalar_type() == at::kDouble) return TensorList{(in[0] / 255 - by_colour(mean)) / by_colour(std)};
            return TensorList{image_normalise(in[0].to(at::kByte), mean, std, in[0].device(), in[0].scalar_type())};
          },
          /*differentiable=*/false};
}

}  // namespace dermis
