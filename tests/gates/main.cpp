// kernel_table check-budget|check-opcodes|write TABLE COMPILER CUOBJDUMP MODULE LOG...
// Holds the compiled kernels against the table, or writes it anew. CUOBJDUMP may be "none": then there are no opcodes.
// Exit codes: 0 all is as in the table, 1 it is not, 77 nothing to disassemble with.
#include <fmt/format.h>

#include <array>
#include <cstdio>

#include "core/error.h"
#include "core/io/atomic_file.h"
#include "core/io/read_file.h"
#include "tests/gates/kernel_table.h"

namespace dermis::gates {
namespace {

constexpr int kSkipped = 77;

std::map<KernelKey, Opcodes> disassembled(const std::string& cuobjdump, const std::string& module) {
  const std::string command = fmt::format("'{}' --dump-sass '{}'", cuobjdump, module);
  FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  std::array<char, 1 << 16> buffer;
  for (size_t n; pipe != nullptr && (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    text.append(buffer.data(), n);
  if (pipe == nullptr || pclose(pipe) != 0)
    throw Error(ErrorKind::internal, {.what = "the disassembler failed", .where = command});
  return read_sass(text);
}

int report(const std::vector<std::string>& findings, const KernelTable& table, const KernelTable& measured) {
  if (table.compiler != measured.compiler)
    fmt::print("The table is of {}, this build of {}: registers and opcodes are not compared\n", table.compiler,
               measured.compiler);
  for (const std::string& finding : findings) fmt::print("{}\n", finding);
  if (findings.empty()) {
    fmt::print("{} kernels are as in the table\n", measured.rows.size());
    return 0;
  }
  fmt::print("If it is meant to be so: make kernel-table, and read the difference\n");
  return 1;
}

int run(const std::vector<std::string>& words) {
  if (words.size() < 6)
    throw Error(
        ErrorKind::usage,
        {.what = "usage: kernel_table check-budget|check-opcodes|write TABLE COMPILER CUOBJDUMP MODULE LOG..."});
  const std::string &verb = words[0], &file = words[1], &compiler = words[2], &cuobjdump = words[3], &module = words[4];
  if (verb != "check-budget" && cuobjdump == "none") {
    fmt::print("skipped: no cuobjdump to read the machine code with (make setup installs one)\n");
    return kSkipped;
  }
  std::vector<std::string> logs;
  for (size_t i = 5; i < words.size(); ++i) logs.push_back(read_file(words[i]));
  std::optional<std::map<KernelKey, Opcodes>> sass;
  if (verb != "check-budget") sass = disassembled(cuobjdump, module);
  const Measured measured = measured_kernels(compiler, logs, sass);
  if (verb == "write") {
    write_file_atomically(file, write_table(measured.table));
    fmt::print("{}: {} kernels\n", file, measured.table.rows.size());
    return 0;
  }
  const KernelTable table = read_table(read_file(file), file);
  return report(verb == "check-budget" ? budget_findings(table, measured) : opcode_findings(table, measured), table,
                measured.table);
}

}  // namespace
}  // namespace dermis::gates

int main(int argc, char** argv) {
  try {
    return dermis::gates::run({argv + 1, argv + argc});
  } catch (const dermis::Error& error) {
    fmt::print("kernel_table: {}\n", error.what());
    return dermis::exit_code(error.kind());
  }
}
