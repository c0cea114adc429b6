#include <fmt/format.h>

#include "core/error.h"
#include "data/batch/sequence.h"

namespace dermis {
namespace {

class Packer {
 public:
  Packer(const std::vector<int32_t>& separator, const PromptFormat& prompt, const BatchPictures& pictures, bool open)
      : separator_(separator),
        prompt_(prompt),
        kept_patches_(pictures.kept_patches),
        rows_per_image_(kept_patches_.empty() ? prompt.tokens_per_image
                                              : static_cast<int32_t>(kept_patches_.size()) / pictures.count),
        open_(open) {
    batch_.sequence_offsets.push_back(0);
  }

  void add(const SequenceTokens& sequence) {
    const auto start = static_cast<int32_t>(batch_.tokens.size());
    add_image(sequence.image);
    batch_.tokens.push_back(prompt_.bos);
    add_question(sequence.turns.front());
    const auto prefix_end = static_cast<int32_t>(batch_.tokens.size());
    for (size_t i = 0; i < sequence.turns.size(); ++i) {
      if (i > 0) add_question(sequence.turns[i]);
      const bool last = i + 1 == sequence.turns.size();
      if (!last || !open_) add_answer(sequence.turns[i], sequence.weight, !(last && sequence.cut));
    }
    finish_rows(start, prefix_end, sequence.image);
    batch_.sequence_offsets.push_back(static_cast<int32_t>(batch_.tokens.size()));
    batch_.sample_ids.push_back(sequence.sample_id);
  }

  Batch take() { return std::move(batch_); }

 private:
  void append(const std::vector<int32_t>& ids) { batch_.tokens.insert(batch_.tokens.end(), ids.begin(), ids.end()); }

  void add_image(int image) {
    for (int32_t i = 0; i < rows_per_image_; ++i) {
      batch_.image_slots.push_back(static_cast<int32_t>(batch_.tokens.size()));
      batch_.image_rows.push_back(image * rows_per_image_ + i);
      batch_.tokens.push_back(prompt_.image_token);
    }
  }

  void add_question(const TurnTokens& turn) {
    append(turn.question);
    append(separator_);
  }

  // The row before each answer token predicts it.
  void add_answer(const TurnTokens& turn, double weight, bool with_eos) {
    const auto add = [&](int32_t id) {
      if (!open_) {
        batch_.label_rows.push_back(static_cast<int32_t>(batch_.tokens.size()) - 1);
        batch_.label_ids.push_back(id);
        batch_.label_weights.push_back(static_cast<float>(weight));
      }
      batch_.tokens.push_back(id);
    };
    for (const int32_t id : turn.answer) add(id);
    if (with_eos) add(prompt_.eos);
  }

  // Where a row stands in its sequence if no patch were left out: words stand behind the whole picture.
  int32_t place_of(int32_t row, int image) const {
    if (kept_patches_.empty()) return row;
    if (row >= rows_per_image_) return prompt_.tokens_per_image + row - rows_per_image_;
    return kept_patches_[static_cast<size_t>(image * rows_per_image_ + row)];
  }

  // Prefix rows see the whole prefix, later rows everything up to themselves: both bounds never decrease.
  void finish_rows(int32_t start, int32_t prefix_end, int image) {
    const auto end = static_cast<int32_t>(batch_.tokens.size());
    for (int32_t row = start; row < end; ++row) {
      batch_.positions.push_back(prompt_.first_position + place_of(row - start, image));
      batch_.visible_lo.push_back(start);
      batch_.visible_hi.push_back(row < prefix_end ? prefix_end : row + 1);
    }
  }

  const std::vector<int32_t>& separator_;
  const PromptFormat& prompt_;
  const std::vector<int32_t>& kept_patches_;
  int32_t rows_per_image_;
  bool open_;
  Batch batch_;
};

void check(const SequenceTokens& sequence, const PromptFormat& prompt, int64_t separator_tokens, int image_count,
           bool open) {
  DERMIS_CHECK(!sequence.turns.empty(), "sample " + sequence.sample_id + " has no turns");
  DERMIS_CHECK(sequence.image >= 0 && sequence.image < image_count,
               fmt::format("sample {} wants picture {} of {}", sequence.sample_id, sequence.image, image_count));
  const int64_t length = sequence_length(sequence, prompt, separator_tokens, open);
  if (length <= prompt.max_tokens) return;
  throw Error(ErrorKind::data, {.what = "the conversation is longer than the model takes",
                                .where = "sample " + sequence.sample_id,
                                .expected = fmt::format("at most {} tokens, image tokens included", prompt.max_tokens),
                                .found = fmt::format("{} tokens", length),
                                .fix = "shorten the text"});
}

}  // namespace

Batch pack_tokens(const std::vector<SequenceTokens>& sequences, BatchPictures pictures,
                  const std::vector<int32_t>& separator, const ImageFormat& image, const PromptFormat& prompt,
                  bool open) {
  const size_t plane_bytes = size_t{3} * static_cast<size_t>(image.size) * static_cast<size_t>(image.size);
  const auto count = static_cast<size_t>(pictures.count);
  DERMIS_CHECK(pictures.planes.size() == count * plane_bytes, "bytes of the pictures");
  DERMIS_CHECK(pictures.kept_patches.empty() || (count > 0 && pictures.kept_patches.size() % count == 0),
               "equally many kept patches of each picture");
  Packer packer(separator, prompt, pictures, open);
  for (const auto& sequence : sequences) {
    check(sequence, prompt, static_cast<int64_t>(separator.size()), pictures.count, open);
    packer.add(sequence);
  }
  Batch batch = packer.take();
  batch.pixels = std::move(pictures.planes);
  batch.kept_patches = std::move(pictures.kept_patches);
  batch.image_count = pictures.count;
  batch.image_size = image.size;
  return batch;
}

Batch pack(const std::vector<SequenceText>& sequences, std::vector<uint8_t> image_planes, int image_count,
           const Tokenizer& tokenizer, const ImageFormat& image, const PromptFormat& prompt, bool open) {
  std::vector<SequenceTokens> encoded;
  encoded.reserve(sequences.size());
  for (const auto& sequence : sequences) encoded.push_back(encode_sequence(sequence, tokenizer));
  return pack_tokens(encoded, {std::move(image_planes), image_count}, tokenizer.encode(prompt.separator), image, prompt,
                     open);
}

}  // namespace dermis
