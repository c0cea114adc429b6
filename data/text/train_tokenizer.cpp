#include "data/text/train_tokenizer.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <unordered_map>

#include "core/error.h"

namespace dermis {
namespace {

constexpr int32_t kFixedPieces = 6 + 256;  // control words, newline, bytes

class TextIterator : public sentencepiece::SentenceIterator {
 public:
  explicit TextIterator(const std::vector<std::string>& texts) : texts_(texts) {}
  bool done() const override { return at_ >= texts_.size(); }
  void Next() override { ++at_; }
  const std::string& value() const override { return texts_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  const std::vector<std::string>& texts_;
  size_t at_ = 0;
};

std::unordered_map<std::string, std::string> settings(const std::vector<std::string>& texts, int32_t vocabulary) {
  size_t longest = 4192;  // SentencePiece leaves longer texts out; it wants at least 10
  for (const auto& text : texts) longest = std::max(longest, text.size());
  return {{"model_type", "bpe"},
          {"vocab_size", std::to_string(vocabulary)},
          {"hard_vocab_limit", "false"},
          {"pad_id", "0"},
          {"eos_id", "1"},
          {"bos_id", "2"},
          {"unk_id", "3"},
          {"pad_piece", "<pad>"},
          {"eos_piece", "<eos>"},
          {"bos_piece", "<bos>"},
          {"unk_piece", "<unk>"},
          {"control_symbols", "<image>"},
          {"user_defined_symbols", "\n"},
          {"byte_fallback", "true"},
          {"split_digits", "true"},
          {"normalization_rule_name", "identity"},
          {"add_dummy_prefix", "false"},
          {"remove_extra_whitespaces", "false"},
          {"character_coverage", "0.9995"},
          {"max_sentence_length", std::to_string(longest + 1)},
          {"num_threads", "1"},
          {"minloglevel", "3"}};
}

[[noreturn]] void report_failure(const std::string& reason, int32_t vocabulary) {
  // SentencePiece says "... vocab_size (= N) is too small ... required_chars"; its number is the least that works.
  throw Error(ErrorKind::usage, {.what = "SentencePiece cannot make a vocabulary of this size from these texts",
                                 .where = "--vocabulary",
                                 .expected = "at least " + std::to_string(kFixedPieces) +
                                             " fixed pieces and one for each character in use",
                                 .found = std::to_string(vocabulary) + " (" + reason + ")",
                                 .fix = "ask for a larger vocabulary, such as 1024"});
}

}  // namespace

TokenizerTraining train_tokenizer(const std::vector<std::string>& texts, int32_t vocabulary) {
  const bool any = std::any_of(texts.begin(), texts.end(), [](const std::string& text) { return !text.empty(); });
  if (!any) {
    throw Error(ErrorKind::data, {.what = "there is no text to train a tokenizer on",
                                  .expected = "records with questions and answers",
                                  .found = std::to_string(texts.size()) + " texts, all empty"});
  }
  if (vocabulary <= kFixedPieces) report_failure("too small", vocabulary);
  TokenizerTraining result;
  TextIterator iterator(texts);
  const auto status = sentencepiece::SentencePieceTrainer::Train(settings(texts, vocabulary), &iterator, &result.model);
  if (!status.ok()) report_failure(status.message(), vocabulary);
  sentencepiece::SentencePieceProcessor processor;
  const auto loaded = processor.LoadFromSerializedProto(result.model);
  DERMIS_CHECK(loaded.ok(), loaded.ToString());
  result.vocabulary = processor.GetPieceSize();
  return result;
}

}  // namespace dermis
