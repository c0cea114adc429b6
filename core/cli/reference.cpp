#include "core/cli/reference.h"

#include <iostream>
#include <sstream>

namespace dermis {
namespace {

class CapturedOutput {
 public:
  CapturedOutput() : previous_(std::cout.rdbuf(text_.rdbuf())) {}
  ~CapturedOutput() { std::cout.rdbuf(previous_); }
  CapturedOutput(const CapturedOutput&) = delete;
  CapturedOutput& operator=(const CapturedOutput&) = delete;
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::streambuf* previous_;
};

}  // namespace

std::string markdown_reference(const CommandTable& table) {
  std::string out =
      "# Command-line reference\n\nWritten by `dermis help --markdown`; a test compares this page with the program.\n"
      "Exit codes: 0 done, 2 usage, 3 data, 4 device, 5 internal, 130 interrupted.\n";
  for (const Command& command : table.commands()) {
    CapturedOutput captured;
    command.run(table, {"--help"});
    out += "\n## dermis " + command.name + "\n\n" + command.summary + "\n\n```\n" + captured.text() + "```\n";
  }
  return out;
}

}  // namespace dermis
