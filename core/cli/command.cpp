#include "core/cli/command.h"

#include <algorithm>

#include "core/cli/parse.h"
#include "core/error.h"

namespace dermis {

void CommandTable::add(Command command) { commands_.push_back(std::move(command)); }

int CommandTable::run(const std::vector<std::string>& words) const {
  for (const size_t length : {size_t{2}, size_t{1}}) {
    if (words.size() < length) continue;
    std::string name = words[0];
    for (size_t i = 1; i < length; ++i) name += " " + words[i];
    for (const Command& command : commands_) {
      if (command.name == name) {
        return command.run(*this, {words.begin() + static_cast<std::ptrdiff_t>(length), words.end()});
      }
    }
  }
  std::string asked = words.empty() ? "" : words[0];
  std::vector<std::string> names;
  const bool group = std::any_of(commands_.begin(), commands_.end(),
                                 [&](const Command& command) { return command.name.rfind(asked + " ", 0) == 0; });
  if (group && words.size() > 1) asked += " " + words[1];
  for (const Command& command : commands_) names.push_back(command.name);
  const std::string near = nearest_name(asked, names);
  throw Error(ErrorKind::usage, {.what = "unknown command '" + asked + "'",
                                 .where = "command line",
                                 .fix = (near.empty() ? std::string() : "did you mean 'dermis " + near + "'? ") +
                                        "'dermis --help' lists all commands"});
}

std::string CommandTable::help() const {
  std::string text;
  size_t width = 0;
  for (const Command& command : commands_) width = std::max(width, command.name.size());
  for (const Command& command : commands_) {
    text += "  " + command.name + std::string(width + 2 - command.name.size(), ' ') + command.summary + "\n";
  }
  return text;
}

}  // namespace dermis
