// The command table and nothing else: the only file that sees every folder.
#include <fmt/core.h>

#include <string>
#include <vector>

#include "benchmarks/commands.h"
#include "core/cli/outcome.h"
#include "core/cli/reference.h"
#include "core/interrupt.h"
#include "core/version.h"
#include "data/commands.h"
#include "infer/commands.h"
#include "kernels/commands.h"
#include "train/commands.h"

namespace {

using namespace dermis;

int run(const CommandTable& table, const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" ||
      (words[0] == "help" && (words.size() == 1 || words[1] == "--help" || words[1] == "-h"))) {
    fmt::print(
        "dermis: trains and runs vision-language models on this machine\n\nusage: dermis COMMAND [arguments]\n\n{}",
        table.help());
    fmt::print(
        "\n'dermis COMMAND --help' explains a command; 'dermis --version' names this build. Exit codes: 2 usage, 3 "
        "data, 4 device, 5 internal, 130 "
        "interrupted.\n");
    return 0;
  }
  if (words[0] == "--version") {
    fmt::print("dermis {} ({})\n", version(), commit());
    return 0;
  }
  if (words[0] == "help" && words.size() == 2 && words[1] == "--markdown") {
    fmt::print("{}", markdown_reference(table));
    return 0;
  }
  return table.run(words);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  CommandTable table;
  try {
    install_interrupt_handler();
    add_data_commands(table);
    add_train_commands(table);
    add_infer_commands(table);
    add_kernel_commands(table);
    add_benchmark_commands(table);
    return finish_output(run(table, words));
  } catch (...) {
    return report_failure();
  }
}
