// The weight files of a Hugging Face folder: model.safetensors, or model.safetensors.index.json with its shards.
#pragma once

#include <string>
#include <vector>

#include "core/io/safetensors.h"

namespace dermis {

class CheckpointFiles {
 public:
  // Error(data): neither form exists (naming what lies there instead), an index that names a path outside the folder, a
  // shard that is absent or lacks a tensor the index promises, a tensor in two shards.
  static CheckpointFiles open(const std::string& folder);

  struct Entry {
    const TensorView* tensor;
    const std::string* file;  // path
  };
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<SafetensorsFile> files_;
  std::vector<Entry> entries_;
};

}  // namespace dermis
