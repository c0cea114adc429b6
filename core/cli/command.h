// The command table: one entry a subcommand, filled by every folder's `commands.h`, read by main alone.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace dermis {

class CommandTable;

// Arguments are those after the command's own words, e.g. for `dermis data import isic DIR` they are {"isic", "DIR"}.
// A command throws Error; it returns 0 when all went well and may return another exit code only for a completed run
// whose result is "no" (a check that found defects).
struct Command {
  std::string name;     // one or two words: "eval", "data import"
  std::string summary;  // one line for `dermis --help`
  std::function<int(const CommandTable&, const std::vector<std::string>& arguments)> run;
};

class CommandTable {
 public:
  void add(Command command);
  // Runs a command line (words after `dermis`). Throws Error(usage) with the nearest known name for an unknown one.
  int run(const std::vector<std::string>& words) const;
  const std::vector<Command>& commands() const { return commands_; }
  std::string help() const;

 private:
  std::vector<Command> commands_;
};

}  // namespace dermis
