// The bodies of this folder's commands; infer/commands.cpp puts them into the table.
#pragma once

#include <string>
#include <vector>

#include "core/cli/command.h"

namespace dermis {

int run_eval(const CommandTable& table, const std::vector<std::string>& words);
int run_ask(const CommandTable& table, const std::vector<std::string>& words);
int run_compare(const CommandTable& table, const std::vector<std::string>& words);
int run_demo(const CommandTable& table, const std::vector<std::string>& words);

}  // namespace dermis
