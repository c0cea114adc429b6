#pragma once

#include <string>
#include <vector>

#include "core/cli/command.h"

namespace dermis {

int train_command(const CommandTable& table, const std::vector<std::string>& arguments);
int config_print_command(const CommandTable& table, const std::vector<std::string>& arguments);

}  // namespace dermis
