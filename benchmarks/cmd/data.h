#pragma once

#include <string>
#include <vector>

#include "core/cli/command.h"

namespace dermis {

int bench_data_command(const CommandTable& table, const std::vector<std::string>& arguments);

}  // namespace dermis
