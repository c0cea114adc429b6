// Leakage groups: items that share anything by which a model could know one from the other.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/item.h"

namespace dermis {

struct GroupOptions {
  int near_bits = 4;  // kNearDuplicateBits; -1: near duplicates are not looked for
};

struct Groups {
  std::vector<size_t> of;          // [items] index of the item's group
  std::vector<std::string> names;  // [groups] stable: "g" and a hash of the smallest item id in the group
  // How many links of each kind joined two items that were still apart: patient, lesion, equal bytes, near duplicate.
  std::array<int64_t, 4> joined{};
  size_t size() const { return names.size(); }
};

// Union-find over patient (within a source), (source, patient, lesion), sha256, and phash within near_bits bits.
// Rendered pictures (label_basis "generated") are independent by construction, however alike, and take no part in the
// last.
Groups leakage_groups(const std::vector<Item>& items, const GroupOptions& options);

}  // namespace dermis
