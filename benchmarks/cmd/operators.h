#pragma once

#include <string>
#include <vector>

#include "core/cli/command.h"

namespace dermis {

int bench_operators_command(const CommandTable& table, const std::vector<std::string>& arguments);

}  // namespace dermis
