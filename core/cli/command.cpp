#include "core/cli/command.h"

#include <algorithm>
#include <iostream>

#include "core/error.h"
#include "core/nearest_name.h"

namespace dermis {
namespace {

bool asks_for_help(const std::string& word) { return word == "--help" || word == "-h"; }

// "import, split", or "" when there is no such group.
std::string verbs_of(const std::string& group, const std::vector<Command>& commands) {
  std::string text;
  for (const Command& command : commands) {
    if (command.name.starts_with(group + " "))
      text += (text.empty() ? "" : ", ") + command.name.substr(group.size() + 1);
  }
  return text;
}

Error unknown(const std::vector<std::string>& words, const std::vector<Command>& commands) {
  std::string asked = words.empty() ? "" : words[0];
  const std::string known_verbs = verbs_of(asked, commands);
  if (!known_verbs.empty() && words.size() == 1) {
    return {ErrorKind::usage,
            {.what = "'dermis " + asked + "' needs a verb",
             .where = "command line",
             .expected = known_verbs,
             .fix = "'dermis " + asked + " --help' says what each does"}};
  }
  const std::string list = "dermis " + (known_verbs.empty() ? "" : asked + " ") + "--help";
  if (!known_verbs.empty()) asked += " " + words[1];
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (const Command& command : commands) names.push_back(command.name);
  const std::string near = nearest_name(asked, names);
  return {ErrorKind::usage,
          {.what = "unknown command '" + asked + "'",
           .where = "command line",
           .expected = known_verbs,
           .fix = (near.empty() ? std::string() : "did you mean 'dermis " + near + "'? ") + "'" + list +
                  "' lists all commands"}};
}

// Those whose names begin with `prefix`, a line each.
std::string list_of(const std::vector<Command>& commands, const std::string& prefix) {
  std::string text;
  size_t width = 0;
  for (const Command& command : commands) width = std::max(width, command.name.size());
  for (const Command& command : commands) {
    if (!command.name.starts_with(prefix)) continue;
    text += "  " + command.name + std::string(width + 2 - command.name.size(), ' ') + command.summary + "\n";
  }
  return text;
}

}  // namespace

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
  if (words.size() > 1 && words[0] == "help") {
    std::vector<std::string> asked(words.begin() + 1, words.end());
    if (!asks_for_help(asked.back())) asked.emplace_back("--help");
    return run(asked);
  }
  if (words.size() == 2 && asks_for_help(words[1]) && !verbs_of(words[0], commands_).empty()) {
    std::cout << "usage: dermis " << words[0] << " VERB [arguments]\n\n" << list_of(commands_, words[0] + " ");
    return 0;
  }
  throw unknown(words, commands_);
}

std::string CommandTable::help() const { return list_of(commands_, ""); }

}  // namespace dermis
