// What a model has seen, kept so that a picture, its patient and its lesion are known again whatever folder they come
// from and whatever ids they have there: the part of train_manifest.json that evaluation compares.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "data/item.h"
#include "data/shard/shard.h"

namespace dermis {

// 0 stands for what is not known. Patients and lesions are hashes: their names stay with the data.
struct PictureTraces {
  std::array<uint64_t, 2> sha256{};  // the first 128 bits of the original bytes' hash
  uint64_t phash = 0;                // 0 for rendered pictures too: independent by construction, however alike
  uint64_t patient = 0;              // of (source, patient)
  uint64_t lesion = 0;               // of (source, patient, lesion)

  auto operator<=>(const PictureTraces&) const = default;
  bool has_bytes() const { return sha256 != std::array<uint64_t, 2>{}; }
};
PictureTraces traces_of(const Item& item);

std::string count_of_pictures(int64_t count);  // "1 picture", "12 pictures"

// Items that cannot be compared in every way, counted; gaps() says so in words that name `folder`.
struct MissingTraces {
  int64_t hashes = 0, groups = 0;
  void count(const Item& item);
  std::vector<std::string> gaps(const std::string& folder) const;
};

struct SeenPictures {
  struct Folder {
    std::string folder, fingerprint;
    bool operator==(const Folder&) const = default;
  };

  std::vector<PictureTraces> pictures;  // ascending, each once
  std::set<std::string> groups;         // leakage groups
  std::vector<Folder> shards;           // where the pictures came from
  std::vector<std::string> stages;      // of training, in order
  std::vector<std::string> gaps;        // in words: what was seen, or may have been, and cannot be known again

  // What every sample of a folder says of itself, not what the folder's manifest says of them.
  void add(const ShardReader& reader);
  void add(const SeenPictures& other);
};

nlohmann::ordered_json to_json(const SeenPictures& seen);
// A manifest of an earlier version lists groups alone: a gap. Error(data) names `where` and the field.
SeenPictures seen_pictures_from_json(const nlohmann::ordered_json& json, const std::string& where);

// MODEL/train_manifest.json; absent: a gap.
SeenPictures read_train_manifest(const std::string& model_folder);

}  // namespace dermis
