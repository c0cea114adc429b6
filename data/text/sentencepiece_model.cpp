#include "data/text/sentencepiece_model.h"

#include <cstring>
#include <string_view>

#include "core/error.h"
#include "core/io/mmap_file.h"

namespace dermis {
namespace {

// Field numbers of sentencepiece_model.proto.
constexpr uint32_t kPieces = 1, kTrainer = 2, kNormalizer = 3;
constexpr uint32_t kPieceText = 1, kPieceScore = 2, kPieceType = 3;
constexpr uint32_t kModelType = 3, kByteFallback = 35, kUnknownId = 40, kBosId = 41, kEosId = 42, kPadId = 43;
constexpr uint32_t kCharacterMap = 2, kAddDummyPrefix = 3;

struct Field {
  uint32_t number = 0;
  uint64_t value = 0;      // varint and fixed fields
  std::string_view bytes;  // length-delimited fields
};

// Protobuf's wire format: a sequence of (number, kind, payload). Every length is checked against what is left.
class WireReader {
 public:
  WireReader(std::string_view bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  bool next(Field& field) {
    if (at_ == bytes_.size()) return false;
    const uint64_t tag = varint();
    field = Field{static_cast<uint32_t>(tag >> 3), 0, {}};
    switch (tag & 7) {
      case 0: field.value = varint(); break;
      case 1: field.value = fixed(8); break;
      case 2: field.bytes = take(varint()); break;
      case 5: field.value = fixed(4); break;
      default: fail();
    }
    return true;
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(ErrorKind::data, {.what = "the SentencePiece model is truncated or no SentencePiece model",
                                  .where = path_,
                                  .expected = "a tokenizer.model as SentencePiece writes it",
                                  .found = "undecodable bytes at offset " + std::to_string(at_) + " of a message",
                                  .fix = "copy the file again, or train one: dermis tokenizer train"});
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ >= bytes_.size()) fail();
      const auto byte = static_cast<uint8_t>(bytes_[at_++]);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    fail();
  }
  std::string_view take(uint64_t length) {
    if (length > bytes_.size() - at_) fail();
    const auto part = bytes_.substr(at_, length);
    at_ += length;
    return part;
  }
  uint64_t fixed(size_t width) {
    uint64_t value = 0;
    std::memcpy(&value, take(width).data(), width);  // little-endian on the wire and on every host that builds this
    return value;
  }

  std::string_view bytes_;
  const std::string& path_;
  size_t at_ = 0;
};

SentencePiece read_piece(std::string_view bytes, const std::string& path) {
  SentencePiece piece;
  WireReader reader(bytes, path);
  for (Field field; reader.next(field);) {
    if (field.number == kPieceText) piece.text = field.bytes;
    if (field.number == kPieceScore) {
      const auto bits = static_cast<uint32_t>(field.value);
      std::memcpy(&piece.score, &bits, sizeof bits);
    }
    if (field.number == kPieceType) piece.type = static_cast<PieceType>(field.value);
  }
  return piece;
}

void read_trainer(std::string_view bytes, const std::string& path, SentencePieceModel& model) {
  uint64_t type = 1;
  WireReader reader(bytes, path);
  for (Field field; reader.next(field);) {
    const auto id = static_cast<int32_t>(field.value);
    switch (field.number) {
      case kModelType: type = field.value; break;
      case kByteFallback: model.byte_fallback = field.value != 0; break;
      case kUnknownId: model.unknown = id; break;
      case kBosId: model.bos = id; break;
      case kEosId: model.eos = id; break;
      case kPadId: model.pad = id; break;
      default: break;
    }
  }
  if (type != 1 && type != 2) {
    throw Error(ErrorKind::data, {.what = "this kind of SentencePiece model is not supported",
                                  .where = path,
                                  .expected = "unigram (1) or BPE (2)",
                                  .found = "model type " + std::to_string(type)});
  }
  model.unigram = type == 1;
}

}  // namespace

SentencePieceModel read_sentencepiece_model(const std::string& path) {
  const MmapFile file(path);
  const std::string_view bytes(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  SentencePieceModel model;
  WireReader reader(bytes, path);
  for (Field field; reader.next(field);) {
    if (field.number == kPieces) model.pieces.push_back(read_piece(field.bytes, path));
    if (field.number == kTrainer) read_trainer(field.bytes, path, model);
    if (field.number == kNormalizer) {
      WireReader normalizer(field.bytes, path);
      for (Field inner; normalizer.next(inner);) {
        if (inner.number == kCharacterMap) model.has_character_map = !inner.bytes.empty();
        if (inner.number == kAddDummyPrefix) model.add_dummy_prefix = inner.value != 0;
      }
    }
  }
  if (model.pieces.empty()) {
    throw Error(ErrorKind::data, {.what = "the SentencePiece model holds no pieces",
                                  .where = path,
                                  .found = std::to_string(bytes.size()) + " bytes",
                                  .fix = "copy the file again, or train one: dermis tokenizer train"});
  }
  return model;
}

}  // namespace dermis
