// The verbs of this folder.
#pragma once

#include <string>
#include <vector>

#include "core/cli/command.h"

namespace dermis {

int run_doctor(const CommandTable& table, const std::vector<std::string>& arguments);
int run_selftest_command(const CommandTable& table, const std::vector<std::string>& arguments);

}  // namespace dermis
