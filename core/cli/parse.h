// Command-line parsing with CLI11 under our error rules.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <string>
#include <vector>

#include "core/nearest_name.h"

namespace dermis {

// Returns false after printing help (--help). Throws Error(usage) naming the offending argument and, for an unknown
// option, the nearest known one.
bool parse_arguments(CLI::App& app, const std::vector<std::string>& arguments);

}  // namespace dermis
