#include "kernels/embedding/embedding.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <set>

#include "benchmarks/operators/differentiable.h"
#include "benchmarks/operators/rows.h"
#include "core/random.h"
#include "kernels/operand/index_tensor.h"

namespace dermis {
namespace {

// A batch whose first tokens are image features, one each, and whose others are random words.
struct EmbeddingTokens {
  EmbeddingRows rows;
  at::Tensor ids_T;  // of all tokens, 0 where a feature stands
  double words = 0;  // that differ
  double scale = 1;
};

EmbeddingTokens embedding_tokens(const OperatorSetting& s) {
  std::vector<int32_t> text_rows, ids, slots, features, all;
  Random random(1, RandomPurpose::selftest);
  for (int64_t t = 0; t < s.sizes.tokens; ++t) {
    const auto token = static_cast<int32_t>(t);
    const bool image = t < s.sizes.image_tokens;
    (image ? slots : text_rows).push_back(token);
    all.push_back(image ? 0 : static_cast<int32_t>(random.below(static_cast<uint64_t>(s.sizes.vocabulary))));
    if (image) features.push_back(token);
    if (!image) ids.push_back(all.back());
  }
  return {embedding_rows(text_rows, ids, slots, features, s.device),
          index_tensor(std::span<const int32_t>(all), s.device),
          static_cast<double>(std::set<int32_t>(ids.begin(), ids.end()).size()),
          std::sqrt(static_cast<double>(s.sizes.word_width))};
}

at::Tensor composed_embedding(const EmbeddingTokens& tokens, const at::Tensor& weight, const at::Tensor& features) {
  const EmbeddingRows& rows = tokens.rows;
  return (at::embedding(weight, tokens.ids_T) * tokens.scale)
      .index_copy(0, rows.image_slots, features.index_select(0, rows.image_rows));
}

}  // namespace

OperatorRows embedding_rows_of(const OperatorSetting& s) {
  const auto tokens = std::make_shared<const EmbeddingTokens>(embedding_tokens(s));
  const double row = static_cast<double>(s.sizes.word_width) * s.element();
  const double count = static_cast<double>(s.sizes.tokens), images = static_cast<double>(s.sizes.image_tokens);
  const double numbers = 2 * count * sizeof(int64_t);  // which row, and which word or feature, of every token
  const TensorsFunction composed = [=](const Tensors& x) { return Tensors{composed_embedding(*tokens, x[0], x[1])}; };
  return rows_of(
      "embed_tokens",
      {.shape = fmt::format("{} of {} x {}, {} of images", s.sizes.tokens, s.sizes.vocabulary, s.sizes.word_width,
                            s.sizes.image_tokens),
       .forward_bytes = (tokens->words + images + count) * row + numbers,  // words that differ, features; tokens
       // Gradient of the tokens; of the whole embedding, and of features.
       .backward_bytes = (count + static_cast<double>(s.sizes.vocabulary) + images) * row + numbers,
       .operands =
           [=] {
             return Tensors{at::randn({s.sizes.vocabulary, s.sizes.word_width}, s.options()),
                            at::randn({s.sizes.image_tokens, s.sizes.word_width}, s.options())};
           },
       .leaves = 2,
       .ours = [=](const Tensors& x) { return Tensors{embed_tokens(x[0], x[1], tokens->rows, tokens->scale)}; },
       .rivals = {{"at::embedding, index_copy", composed}},
       .exact = composed},
      s);
}

}  // namespace dermis
