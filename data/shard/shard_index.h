// index.bin: where every sample lies in the tars and what its bytes must be. Little-endian:
//
//   "DERMISIX"  u32 version  u32 tars  u64 samples  u64 records  u64 bytes of keys
//   tars * u64 size
//   samples * IndexEntry (64 bytes)
//   keys, one behind the other
//   u32 CRC-32 of everything before it
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dermis {

struct IndexEntry {
  uint32_t tar = 0;
  uint32_t records = 0;
  uint64_t image_offset = 0, image_bytes = 0;  // of the content; its tar header stands 512 bytes before
  uint64_t json_offset = 0, json_bytes = 0;
  uint32_t image_crc = 0, json_crc = 0;
  uint64_t key_offset = 0;
  uint32_t key_bytes = 0;
  uint32_t png = 0;  // 1: png, 0: jpg
};
static_assert(sizeof(IndexEntry) == 64);

struct ShardIndex {
  std::vector<uint64_t> tar_bytes;
  std::vector<IndexEntry> entries;
  std::string keys;
  uint64_t records = 0;

  std::string key(size_t sample) const { return keys.substr(entries[sample].key_offset, entries[sample].key_bytes); }
};

std::string index_bytes(const ShardIndex& index);
// Error(data) naming `path` when the bytes are truncated, edited, of another version, or point outside their tars.
ShardIndex parse_index(const std::string& bytes, const std::string& path);

}  // namespace dermis
