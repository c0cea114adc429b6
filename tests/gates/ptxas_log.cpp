#include "tests/gates/ptxas_log.h"

#include <regex>
#include <sstream>

namespace dermis::gates {

PtxasLog read_ptxas_log(std::string_view text) {
  static const std::regex kEntry("ptxas info    : Compiling entry function '(.+)' for '(.+)'");
  static const std::regex kStack(" *(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill loads");
  static const std::regex kUsed("ptxas info    : Used (\\d+) registers(.*)");
  static const std::regex kShared(".*, (\\d+) bytes smem.*");
  static const std::regex kPlain(
      "ptxas info    : (\\d+ bytes gmem.*|Function properties for .*|Compile time = .*)|\\s*");
  PtxasLog log;
  std::istringstream lines{std::string(text)};
  std::smatch found;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, found, kEntry)) {
      log.kernels.push_back({.mangled = found[1], .architecture = found[2]});
    } else if (!log.kernels.empty() && std::regex_match(line, found, kStack)) {
      log.kernels.back().stack += std::stoi(found[1]);
      log.kernels.back().spilled += std::stoi(found[2]) + std::stoi(found[3]);
    } else if (!log.kernels.empty() && std::regex_match(line, found, kUsed)) {
      log.kernels.back().registers = std::stoi(found[1]);
      const std::string rest = found[2];
      if (std::smatch shared; std::regex_match(rest, shared, kShared)) {
        log.kernels.back().shared_static = std::stoi(shared[1]);
      }
    } else if (!std::regex_match(line, kPlain)) {
      log.notes.push_back(line);
    }
  }
  return log;
}

}  // namespace dermis::gates
