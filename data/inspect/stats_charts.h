// Drawings of the statistics page as inline SVG or HTML.
#pragma once

#include <string>
#include <vector>

#include "data/inspect/shard_stats.h"

namespace dermis {

std::string with_thousands(int64_t number);
// Bars with name, value and share, the largest first, at most `limit` of them and then "... n more".
std::string bar_list(const Counts& counts, size_t limit);
// Two rings: first word of the questions inside, what they ask about outside.
std::string word_wheel(const std::map<std::string, Counts>& words);
// Twenty bins between the smallest and the largest value; `unit` stands under the axis.
std::string histogram(const std::vector<int>& values, const std::string& unit);

}  // namespace dermis
