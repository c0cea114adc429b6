// Leakage groups: items that share anything by which a model could know one from the other.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/item.h"
#include "data/split/look_alikes.h"

namespace dermis {

struct GroupOptions {
  int near_bits = kCandidateBits;  // pairs within so many bits are compared; -1: near duplicates are not looked for
  std::string image_folder = {};   // joined with relative image paths
};

struct Groups {
  std::vector<size_t> of;          // [items] index of the item's group
  std::vector<std::string> names;  // [groups] stable: "g" and a hash of the smallest item id in the group
  // How many links of each kind joined two items that were still apart: patient, lesion, equal bytes, near duplicate.
  std::array<int64_t, 4> joined{};
  int64_t not_compared = 0;  // near pairs of which a picture could not be opened: judged by hash alone
  size_t size() const { return names.size(); }
};

// Union-find over (source, patient), (source, patient, lesion), sha256, and pictures that look alike
// (data/split/look_alikes.h).
Groups leakage_groups(const std::vector<Item>& items, const GroupOptions& options);

}  // namespace dermis
