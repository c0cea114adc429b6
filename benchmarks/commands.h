// The commands of this folder, for main's table.
#pragma once

#include "core/cli/command.h"

namespace dermis {

void add_benchmark_commands(CommandTable& table);

}  // namespace dermis
