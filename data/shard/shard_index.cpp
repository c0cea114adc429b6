#include "data/shard/shard_index.h"

#include <bit>
#include <cstring>
#include <span>

#include "core/error.h"
#include "core/io/hash.h"

namespace dermis {
namespace {

static_assert(std::endian::native == std::endian::little, "index.bin is written as it lies in memory");

constexpr char kMagic[] = "DERMISIX";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderBytes = 40;

struct Header {
  char magic[8];
  uint32_t version, tars;
  uint64_t samples, records, key_bytes;
};
static_assert(sizeof(Header) == kHeaderBytes);

uint32_t crc_of(const char* data, size_t bytes) {
  return crc32(std::span(reinterpret_cast<const std::byte*>(data), bytes));
}

[[noreturn]] void broken(const std::string& path, const std::string& found) {
  throw Error(ErrorKind::data, {.what = "the shard index is truncated or edited",
                                .where = path,
                                .expected = "index.bin as dermis data shard wrote it",
                                .found = found,
                                .fix = "copy the folder again, or make the shards anew: dermis data shard"});
}

bool fits(uint64_t offset, uint64_t bytes, uint64_t limit) { return offset <= limit && bytes <= limit - offset; }

void check_entry(const ShardIndex& index, size_t sample, const std::string& path) {
  const auto& entry = index.entries[sample];
  const bool tar_known = entry.tar < index.tar_bytes.size();
  const uint64_t limit = tar_known ? index.tar_bytes[entry.tar] : 0;
  if (!tar_known || entry.image_offset < 512 || entry.json_offset < 512 ||
      !fits(entry.image_offset, entry.image_bytes, limit) || !fits(entry.json_offset, entry.json_bytes, limit) ||
      !fits(entry.key_offset, entry.key_bytes, index.keys.size())) {
    broken(path, "sample " + std::to_string(sample) + " lies outside its tar");
  }
}

}  // namespace

std::string index_bytes(const ShardIndex& index) {
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof header.magic);
  header.version = kVersion;
  header.tars = static_cast<uint32_t>(index.tar_bytes.size());
  header.samples = index.entries.size();
  header.records = index.records;
  header.key_bytes = index.keys.size();
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(reinterpret_cast<const char*>(index.tar_bytes.data()), index.tar_bytes.size() * sizeof(uint64_t));
  bytes.append(reinterpret_cast<const char*>(index.entries.data()), index.entries.size() * sizeof(IndexEntry));
  bytes += index.keys;
  const uint32_t crc = crc_of(bytes.data(), bytes.size());
  return bytes.append(reinterpret_cast<const char*>(&crc), sizeof crc);
}

ShardIndex parse_index(const std::string& bytes, const std::string& path) {
  Header header{};
  if (bytes.size() < sizeof header + sizeof(uint32_t)) broken(path, std::to_string(bytes.size()) + " bytes");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof header.magic) != 0) broken(path, "another kind of file");
  if (header.version != kVersion) broken(path, "version " + std::to_string(header.version));
  const uint64_t rest = bytes.size() - sizeof header - sizeof(uint32_t);
  // Each count is bounded by the file before it is multiplied.
  if (header.tars > rest / 8 || header.samples > rest / sizeof(IndexEntry) || header.key_bytes > rest ||
      header.tars * 8 + header.samples * sizeof(IndexEntry) + header.key_bytes != rest) {
    broken(path, std::to_string(bytes.size()) + " bytes for " + std::to_string(header.samples) + " samples");
  }
  uint32_t crc = 0;
  const size_t body = bytes.size() - sizeof crc;
  std::memcpy(&crc, bytes.data() + body, sizeof crc);
  if (crc != crc_of(bytes.data(), body)) broken(path, "a checksum that does not match");
  ShardIndex index;
  index.records = header.records;
  index.tar_bytes.resize(header.tars);
  index.entries.resize(header.samples);
  const char* at = bytes.data() + sizeof header;
  std::memcpy(index.tar_bytes.data(), at, header.tars * sizeof(uint64_t));
  at += header.tars * sizeof(uint64_t);
  std::memcpy(index.entries.data(), at, header.samples * sizeof(IndexEntry));
  at += header.samples * sizeof(IndexEntry);
  index.keys.assign(at, header.key_bytes);
  for (size_t sample = 0; sample < index.entries.size(); ++sample) check_entry(index, sample, path);
  return index;
}

}  // namespace dermis
