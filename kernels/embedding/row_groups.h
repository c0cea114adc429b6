// Which rows of a gradient each row of a table gathers: what launch_row_sums takes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "core/error.h"

namespace dermis {

struct RowGroups {
  std::vector<int64_t> targets;  // [groups] distinct rows of the table; those with most sources first
  std::vector<int64_t> offsets;  // [groups + 1]
  std::vector<int64_t> sources;  // [rows] of each target in the order they were given
};

// Row sources[i] of the gradient belongs to row targets[i] of the table. Long groups come first, so that the last
// blocks to run are short ones.
inline RowGroups group_rows(std::span<const int32_t> targets, std::span<const int32_t> sources) {
  DERMIS_CHECK(targets.size() == sources.size(), "a source for each target");
  std::vector<size_t> order(targets.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return targets[a] < targets[b]; });
  struct Group {
    size_t begin, end;
  };
  std::vector<Group> groups;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || targets[order[i]] != targets[order[i - 1]]) groups.push_back({i, i});
    groups.back().end = i + 1;
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const Group& a, const Group& b) { return a.end - a.begin > b.end - b.begin; });
  RowGroups result{.targets = {}, .offsets = {0}, .sources = {}};
  for (const Group& group : groups) {
    result.targets.push_back(targets[order[group.begin]]);
    for (size_t i = group.begin; i < group.end; ++i) result.sources.push_back(sources[order[i]]);
    result.offsets.push_back(static_cast<int64_t>(result.sources.size()));
  }
  return result;
}

}  // namespace dermis
