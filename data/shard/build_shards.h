// Items and records to shard folders: what `dermis data shard` does.
#pragma once

#include <string>
#include <vector>

#include "data/shard/shard.h"

namespace dermis {

struct ShardBuild {
  std::string items, records;  // JSONL files
  std::string out;
  std::string split = "all";  // train | val | test: that side into `out`; all: each into a sub-folder; any: regardless
  int64_t max_bytes_per_tar = int64_t{256} << 20;
  int max_side = 0;  // shrink larger pictures; 0: pictures as they came
  std::string field, field_digest;
  bool replace = false;
  int threads = 2;  // that read and shrink pictures; the bytes written do not depend on it
};

struct ShardBuildReport {
  std::vector<std::pair<std::string, ShardManifest>> written;  // folder, manifest
  int64_t items = 0, items_without_records = 0, items_of_other_splits = 0, shrunk = 0;
};

// The output folder appears whole or not at all. Error(data): a record of an unknown item, with another picture hash or
// of another split or group than its item, items edited behind the split.json beside them, a picture that is missing or
// has changed since import, an item without a split (split all), nothing to write.
ShardBuildReport build_shards(const ShardBuild& build);

// A records file, line by line checked.
std::vector<Record> read_records(const std::string& path);

}  // namespace dermis
