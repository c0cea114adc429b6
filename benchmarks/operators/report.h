// How what `dermis bench operators` found is written, beside to_json of the contest.
#pragma once

#include <string>
#include <vector>

#include "benchmarks/contest/row.h"

namespace dermis {

// The share of a copy's rate that operators bound by memory should reach on a GPU.
constexpr double kWantedShare = 0.85;

// Medians of the limits that rows were measured against.
std::vector<Ceiling> operator_ceilings(const std::vector<ContestRow>& rows);

std::string operators_markdown(const ContestResult& result);
std::string operator_line(const ContestRow& row);  // for the terminal, while it runs

// "rms_norm, forward: wrong: off by 2.0e-01" of every row whose result of ours is wrong or missing.

}  // namespace dermis
