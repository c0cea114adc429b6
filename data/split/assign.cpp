#include "data/split/assign.h"

#include <algorithm>
#include <numeric>

#include "core/random.h"

namespace dermis {

void assign_groups(std::vector<GroupCounts>& groups, size_t key_count, const std::array<double, 3>& shares,
                   uint64_t seed) {
  std::vector<double> total(key_count);
  std::array<std::vector<double>, 3> filled;
  for (auto& side : filled) side.resize(key_count);
  for (const GroupCounts& group : groups) {
    for (const auto& [key, count] : group.keys) {
      total[key] += static_cast<double>(count);
      if (group.side >= 0) filled[static_cast<size_t>(group.side)][key] += static_cast<double>(count);
    }
  }
  std::vector<std::pair<uint64_t, size_t>> order;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].side < 0)
      order.emplace_back(Random(seed, RandomPurpose::split, stable_hash(groups[i].name)).below(1ULL << 62), i);
  }
  std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
    const int64_t first = groups[a.second].items;
    const int64_t second = groups[b.second].items;
    return first != second ? first > second : a < b;
  });
  for (const auto& [draw, index] : order) {
    GroupCounts& group = groups[index];
    double best = 0;
    for (size_t side = 0; side < kSides.size(); ++side) {
      if (shares[side] <= 0) continue;
      double fullness = 0;  // as the group would leave it
      for (const auto& [key, count] : group.keys) {
        const auto items = static_cast<double>(count);
        fullness += items / total[key] * (filled[side][key] + items) / (shares[side] * total[key]);
      }
      if (group.side < 0 || fullness < best) {
        best = fullness;
        group.side = static_cast<int>(side);
      }
    }
    for (const auto& [key, count] : group.keys)
      filled[static_cast<size_t>(group.side)][key] += static_cast<double>(count);
  }
}

}  // namespace dermis
