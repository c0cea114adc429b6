// How what `dermis bench attention` found is written: Markdown, JSON, SVG.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "benchmarks/contest/row.h"

namespace dermis {

// ratio() of forward and backward together, for every workload that has both; by name.
std::vector<std::pair<std::string, double>> training_ratios(const ContestResult& result);

std::string attention_markdown(const ContestResult& result);
// Bars of work a second: ours and the best rival of every row, the limit as the axis' end.
std::string svg_chart(const ContestResult& result);

}  // namespace dermis
