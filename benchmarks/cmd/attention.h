#pragma once

#include <string>
#include <vector>

#include "core/cli/command.h"

namespace dermis {

int bench_attention_command(const CommandTable& table, const std::vector<std::string>& arguments);

}  // namespace dermis
