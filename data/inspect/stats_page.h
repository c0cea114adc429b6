// The page of `dermis data stats`: one HTML file without scripts or links.
#pragma once

#include <string>

#include "data/inspect/shard_stats.h"

namespace dermis {

std::string stats_page(const ShardStats& stats);

}  // namespace dermis
