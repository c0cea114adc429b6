// Which side each leakage group goes to.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace dermis {

inline constexpr std::array<const char*, 3> kSides{"train", "val", "test"};

// One group: how many of its items carry each key (label, label and stratum), and the side it is bound to.
struct GroupCounts {
  std::string name;
  std::vector<std::pair<size_t, int64_t>> keys;  // key index, items
  int64_t items = 0;
  int side = -1;  // index into kSides; -1: free
};

// Gives every free group to the side that is emptiest in the group's keys, relative to `shares` of the whole; larger
// groups first, groups of one size in an order that (seed, name) determines. Sides bound beforehand count as filled.
void assign_groups(std::vector<GroupCounts>& groups, size_t key_count, const std::array<double, 3>& shares,
                   uint64_t seed);

}  // namespace dermis
