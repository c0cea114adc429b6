// SentencePiece tokenizer with Hugging Face's conventions: equal ids to the tokenizer class that AutoProcessor builds.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/contract.h"

namespace dermis {

class Tokenizer {
 public:
  // `path`: a tokenizer.model file or a model folder that holds one (tokenizer_config.json and added tokens are then
  // read).
  static Tokenizer load(const std::string& path);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  // Control words typed by a user ("<eos>", "<image>") stay text. No bos or eos is added. Thread-safe.
  std::vector<int32_t> encode(const std::string& text) const;
  // As Hugging Face's class encodes: control words become their ids.
  std::vector<int32_t> encode_with_control_words(const std::string& text) const;
  std::string decode(const std::vector<int32_t>& ids, bool skip_special = true) const;
  int32_t size() const;                           // pieces and added tokens
  int32_t id_of(const std::string& piece) const;  // -1 when unknown
  std::string piece_of(int32_t id) const;
  const std::string& model_path() const;
  std::string sha256() const;  // of tokenizer.model

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dermis
