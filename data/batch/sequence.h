// One conversation as token ids, and how its rows lie in a packed batch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/contract.h"
#include "data/batch/loader.h"
#include "data/text/tokenizer.h"

namespace dermis {

struct TurnTokens {
  std::vector<int32_t> question;
  std::vector<int32_t> answer;  // without eos
};

struct SequenceTokens {
  std::string sample_id;
  std::vector<TurnTokens> turns;
  double weight = 1.0;
  int image = 0;
  bool cut = false;  // the last answer was cut off: no eos follows it
};

SequenceTokens encode_sequence(const SequenceText& text, const Tokenizer& tokenizer);

// Rows that the sequence takes: image tokens, bos, every question and separator, every answer and eos. `open`: up to
// the separator of the last question.
int64_t sequence_length(const SequenceTokens& sequence, const PromptFormat& prompt, int64_t separator_tokens,
                        bool open);

// Shortens to at most `max_tokens` rows: whole turns go first, then the end of the last answer. false when not even one
// answer token would fit.
bool cut_sequence(SequenceTokens& sequence, const PromptFormat& prompt, int64_t separator_tokens, int64_t max_tokens);

// The pictures of a batch: `count` of 3 * S * S bytes each, and which patches of each the model encodes.
struct BatchPictures {
  std::vector<uint8_t> planes;
  int count = 0;
  std::vector<int32_t> kept_patches = {};  // as in Batch: equally many of each picture; empty: all
};

// Error(data) naming the sample that is longer than the model takes.
Batch pack_tokens(const std::vector<SequenceTokens>& sequences, BatchPictures pictures,
                  const std::vector<int32_t>& separator, const ImageFormat& image, const PromptFormat& prompt,
                  bool open);

}  // namespace dermis
