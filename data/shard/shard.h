// Shards: WebDataset-compatible tar files (<key>.jpg|png + <key>.json) with an index for O(1) access and a manifest.
// One sample is one picture and all records about it.
//
//   <folder>/shard-000000.tar ... index.bin manifest.json
//
// <key>.json: {"schema": 1, "item": {Item}, "records": [{Record}, ...]}
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/io/atomic_folder.h"
#include "data/item.h"
#include "data/record.h"

namespace dermis {

struct ShardSample {
  std::string key;  // item id, made safe for a file name
  Item item;
  std::vector<Record> records;
  std::string extension;       // "jpg" | "png"
  std::vector<uint8_t> image;  // encoded bytes
};

struct ShardManifest {
  int schema = 2;     // of manifest.json; folders of schema 1 are read, too
  std::string split;  // train | val | test | ""
  int64_t samples = 0, records = 0;
  std::vector<std::string> files;     // tar names in order
  std::vector<std::string> sha256;    // of each tar
  std::vector<std::string> licences;  // all that occur
  std::string licence;                // the most restrictive
  std::string field, field_digest;    // field pack
  std::vector<std::string> labels;    // class ids that occur
  std::vector<std::string> groups;    // leakage groups that occur
  int max_side = 0;                   // pictures were shrunk to this longest side before writing; 0: as they came
  std::string fingerprint;            // hash over all of this: names the data in checkpoints
};

class ShardWriter {
 public:
  ShardWriter(const std::string& folder, int64_t max_bytes_per_tar, IfExists if_exists = IfExists::fail);
  ~ShardWriter();  // without finish(): everything written is removed
  void add(const ShardSample& sample);
  ShardManifest finish(ShardManifest facts);  // writes index and manifest last, atomically

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Thread-safe random access by mmap. Opening checks manifest, index, sizes and that no tar is missing or foreign;
// `verify` also hashes every tar. A tar that was exchanged, reordered or edited in place is found when its samples are
// read.
class ShardReader {
 public:
  explicit ShardReader(const std::string& folder, bool verify = false);
  ~ShardReader();
  ShardReader(ShardReader&&) noexcept;
  const ShardManifest& manifest() const;
  const std::string& folder() const;
  int64_t size() const;
  ShardSample read(int64_t index) const;                      // CRC-checked; Error(data) names tar and key
  ShardSample read_text(int64_t index) const;                 // without the picture's bytes
  Item read_item(int64_t index) const;                        // without the records: many times faster than read_text
  std::span<const uint8_t> image_bytes(int64_t index) const;  // CRC-checked when first asked for
  std::string where(int64_t index) const;                     // folder, tar and member, for messages
  std::string key(int64_t index) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dermis
