#include "models/layers/packed_batch.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "kernels/operand/index_tensor.h"

namespace dermis {
namespace {

std::string sample_of_row(const Batch& batch, int64_t row) {
  for (size_t b = 0; b + 1 < batch.sequence_offsets.size() && b < batch.sample_ids.size(); ++b) {
    if (row >= batch.sequence_offsets[b] && row < batch.sequence_offsets[b + 1])
      return fmt::format("sample '{}', token {}", batch.sample_ids[b], row - batch.sequence_offsets[b]);
  }
  return fmt::format("packed row {}", row);
}

void need_token(const Batch& batch, int64_t row, int32_t id, const VlmConfig& config, const char* field) {
  if (id >= 0 && id < config.language.vocabulary) return;
  throw Error(ErrorKind::data, {.what = "A token id lies outside the model's vocabulary",
                                .where = sample_of_row(batch, row) + ", " + field,
                                .expected = fmt::format("an id in [0, {})", config.language.vocabulary),
                                .found = fmt::format("{}", id),
                                .fix = "use the tokenizer.model that belongs to this model"});
}

void check_images(const Batch& batch, const VlmConfig& config, int64_t feature_rows) {
  DERMIS_CHECK(batch.image_slots.size() == batch.image_rows.size(), "image_slots and image_rows");
  const int64_t placeholders = std::count(batch.tokens.begin(), batch.tokens.end(), config.image_token);
  if (placeholders != static_cast<int64_t>(batch.image_slots.size())) {
    throw Error(ErrorKind::data,
                {.what = "Image tokens and image slots of a batch differ in number",
                 .where = "batch.image_slots",
                 .expected = fmt::format("{}, one for every token {}", placeholders, config.image_token),
                 .found = fmt::format("{}", batch.image_slots.size()),
                 .fix = "pack the batch with the model's own prompt_format()"});
  }
  for (size_t k = 0; k < batch.image_slots.size(); ++k) {
    const int32_t slot = batch.image_slots[k], row = batch.image_rows[k];
    DERMIS_CHECK(slot >= 0 && slot < batch.token_count() && batch.tokens[slot] == config.image_token, "image_slots");
    DERMIS_CHECK(k == 0 || slot > batch.image_slots[k - 1], "image_slots ascend");
    if (row < 0 || row >= feature_rows) {
      throw Error(ErrorKind::data, {.what = "An image slot points beyond the batch's image features",
                                    .where = sample_of_row(batch, slot),
                                    .expected = fmt::format("a feature row in [0, {})", feature_rows),
                                    .found = fmt::format("{}", row),
                                    .fix = "pack the batch with the pictures its sequences look at"});
    }
  }
}

}  // namespace

void check_batch(const Batch& batch, const VlmConfig& config, int64_t feature_rows) {
  const size_t tokens = batch.tokens.size();
  DERMIS_CHECK(batch.positions.size() == tokens, "one position a token");
  DERMIS_CHECK(batch.visible_lo.size() == tokens && batch.visible_hi.size() == tokens, "one interval a token");
  DERMIS_CHECK(batch.label_ids.size() == batch.label_rows.size(), "one label id a label row");
  for (size_t row = 0; row < tokens; ++row) {
    need_token(batch, static_cast<int64_t>(row), batch.tokens[row], config, "tokens");
    const int32_t position = batch.positions[row];
    if (position < 0 || position > config.language.max_positions) {
      throw Error(ErrorKind::data, {.what = "A sequence is longer than the model takes",
                                    .where = sample_of_row(batch, static_cast<int64_t>(row)),
                                    .expected = fmt::format("at most {} tokens", config.language.max_positions),
                                    .found = fmt::format("position {}", position),
                                    .fix = "shorten the text, or lower max_tokens of the loader"});
    }
  }
  for (size_t l = 0; l < batch.label_rows.size(); ++l) {
    DERMIS_CHECK(batch.label_rows[l] >= 0 && batch.label_rows[l] < batch.token_count(), "label_rows");
    DERMIS_CHECK(l == 0 || batch.label_rows[l] > batch.label_rows[l - 1], "label_rows ascend");
    need_token(batch, batch.label_rows[l], batch.label_ids[l], config, "label_ids");
  }
  check_images(batch, config, feature_rows);
}

RopeTable select_rows(const RopeTable& table, const at::Tensor& rows) {
  return {table.cos_TD2.index_select(0, rows), table.sin_TD2.index_select(0, rows)};
}

PackedBatch pack_inputs(const Batch& batch, const VlmConfig& config, at::Device device) {
  PackedBatch packed;
  std::vector<int32_t> rows, ids;
  rows.reserve(batch.tokens.size() - batch.image_slots.size());
  ids.reserve(rows.capacity());
  size_t next_slot = 0;
  for (size_t row = 0; row < batch.tokens.size(); ++row) {
    if (next_slot < batch.image_slots.size() && batch.image_slots[next_slot] == static_cast<int32_t>(row)) {
      ++next_slot;
    } else {
      rows.push_back(static_cast<int32_t>(row));
      ids.push_back(batch.tokens[row]);
    }
  }
  packed.rows = embedding_rows(rows, ids, batch.image_slots, batch.image_rows, device);

  // Sequences repeat the same few positions: the sines are taken once a position and gathered.
  const int32_t last = batch.positions.empty() ? 0 : *std::max_element(batch.positions.begin(), batch.positions.end());
  const int32_t first = batch.positions.empty() ? 0 : *std::min_element(batch.positions.begin(), batch.positions.end());
  std::vector<int32_t> each(static_cast<size_t>(last - first) + 1), relative(batch.positions);
  std::iota(each.begin(), each.end(), first);
  for (int32_t& position : relative) position -= first;
  const RopeTable table = rope_table(each, config.language.head_size, config.language.rope_base);
  packed.rope = select_rows({table.cos_TD2.to(device), table.sin_TD2.to(device)}, index_tensor(relative, device));
  packed.visible = std::make_shared<const VisibleKeys>(batch.visible_lo, batch.visible_hi,
                                                       static_cast<int32_t>(batch.token_count()));
  return packed;
}

}  // namespace dermis
