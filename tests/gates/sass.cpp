#include "tests/gates/sass.h"

#include <sstream>

namespace dermis::gates {
namespace {

// "        /*00a0*/              @!P0 LDS.U R2, [R3] ;      /* 0x... */" holds LDS.U; other lines hold none.
std::string opcode_of(const std::string& line) {
  const size_t start = line.find_first_not_of(" \t");
  const size_t end = line.find("*/");
  if (start == std::string::npos || end == std::string::npos) return {};
  if (line.compare(start, 2, "/*") != 0 || line.find(';') == std::string::npos) return {};
  std::istringstream words(line.substr(end + 2));
  std::string word;
  words >> word;
  if (!word.empty() && word[0] == '@') words >> word;
  return word;
}

bool begins(const std::string& text, std::string_view start) { return text.compare(0, start.size(), start) == 0; }

void count(const std::string& opcode, Opcodes& counts) {
  counts.hmma += begins(opcode, "HMMA");
  counts.ldsm += begins(opcode, "LDSM");
  counts.ldgsts += begins(opcode, "LDGSTS");
  counts.ex2 += begins(opcode, "MUFU.EX2");
  counts.barriers += begins(opcode, "BAR");
  counts.parted += begins(opcode, "BRA.DIV");
  counts.local += begins(opcode, "LDL") || begins(opcode, "STL");
}

}  // namespace

std::map<KernelKey, Opcodes> read_sass(std::string_view text) {
  static const std::string kFunction = "Function : ", kArchitecture = "code for ";
  std::map<KernelKey, Opcodes> kernels;
  std::string architecture;
  Opcodes* current = nullptr;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (const size_t at = line.find(kFunction); at != std::string::npos) {
      current = &kernels[{line.substr(at + kFunction.size()), architecture}];
    } else if (const size_t code = line.find(kArchitecture); code != std::string::npos) {
      architecture = line.substr(code + kArchitecture.size());
      current = nullptr;
    } else if (current != nullptr) {
      if (const std::string opcode = opcode_of(line); !opcode.empty()) count(opcode, *current);
    }
  }
  return kernels;
}

}  // namespace dermis::gates
