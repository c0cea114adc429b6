// The command-line reference as Markdown, made by asking every command for its --help: docs/cli.md cannot drift from
// the program.
#pragma once

#include <string>

#include "core/cli/command.h"

namespace dermis {

std::string markdown_reference(const CommandTable& table);

}  // namespace dermis
