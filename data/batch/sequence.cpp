#include "data/batch/sequence.h"

namespace dermis {

SequenceTokens encode_sequence(const SequenceText& text, const Tokenizer& tokenizer) {
  SequenceTokens sequence{text.sample_id, {}, text.weight, text.image, false};
  for (const auto& turn : text.turns) {
    sequence.turns.push_back({tokenizer.encode(turn.question), tokenizer.encode(turn.answer)});
  }
  return sequence;
}

int64_t sequence_length(const SequenceTokens& sequence, const PromptFormat& prompt, int64_t separator_tokens,
                        bool open) {
  int64_t length = prompt.tokens_per_image + 1;
  for (const auto& turn : sequence.turns) {
    length += static_cast<int64_t>(turn.question.size() + turn.answer.size()) + separator_tokens + 1;
  }
  if (open && !sequence.turns.empty()) length -= static_cast<int64_t>(sequence.turns.back().answer.size()) + 1;
  return length - (sequence.cut && !open ? 1 : 0);
}

bool cut_sequence(SequenceTokens& sequence, const PromptFormat& prompt, int64_t separator_tokens, int64_t max_tokens) {
  while (true) {
    const int64_t excess = sequence_length(sequence, prompt, separator_tokens, false) - max_tokens;
    if (excess <= 0) return true;
    auto& answer = sequence.turns.back().answer;
    // The eos goes with the first cut row: a model must not learn to end where a limit stood.
    const int64_t eos = sequence.cut ? 0 : 1;
    const int64_t kept = static_cast<int64_t>(answer.size()) - (excess - eos);
    if (kept > 0) {
      answer.resize(static_cast<size_t>(kept));
      sequence.cut = true;
      return true;
    }
    if (sequence.turns.size() == 1) return false;
    sequence.turns.pop_back();
  }
}

}  // namespace dermis
