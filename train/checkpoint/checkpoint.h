// Checkpoints on disk: RUN/checkpoints/step-000000120/ holds weights.safetensors, optimizer.safetensors,
// average.safetensors (with EMA), state.json and, written last, manifest.json with a hash of each file. A folder is
// assembled under a temporary name and renamed, so that a name without ".part" is a whole checkpoint unless the disk
// lost data, which the hashes reveal.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "train/checkpoint/tensor_file.h"

namespace dermis {

struct CheckpointContent {
  NamedTensors weights{}, optimizer{}, average{};  // empty: no such file
  nlohmann::ordered_json state{};
};

class CheckpointStore {
 public:
  // `folder` is made when absent. Error(data) when it cannot be made or written.
  CheckpointStore(const std::string& folder, int keep);

  // Step counts over the whole run. Afterwards the newest `keep` remain, and of torn ones those that are newer than the
  // oldest of them. Error(data) on a full disk: the
  // unfinished folder is removed and older checkpoints stay.
  void write(int64_t step, const CheckpointContent& content);

  struct Found {
    std::string folder;
    int64_t step = 0;
    nlohmann::ordered_json state;
  };
  // The newest whole checkpoint; torn ones are passed over with a line in `notes`. Removes leftovers of writes that
  // were cut off.
  std::optional<Found> newest(std::vector<std::string>& notes);

  // The best weights of a stage: best-<step>/ beside the checkpoints, same form.
  void write_best(int64_t step, const CheckpointContent& content);
  std::string best_folder(int64_t step) const;
  void keep_only_best(int64_t step);  // -1: remove all
  // "" when the folder is whole, else what is wrong with it.
  static std::string fault(const std::string& folder);

 private:
  void write_folder(const std::string& name, const CheckpointContent& content);
  std::vector<std::pair<int64_t, std::string>> list(const std::string& prefix) const;  // by step, ascending

  std::string folder_;
  int keep_;
  std::set<int64_t> torn_;  // steps that newest() passed over
};

}  // namespace dermis
