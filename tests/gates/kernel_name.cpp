#include "tests/gates/kernel_name.h"

#include <cxxabi.h>

#include <cstdlib>
#include <string_view>
#include <vector>

namespace dermis::gates {
namespace {

std::string demangled(const std::string& mangled) {
  int status = 0;
  char* text = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status);
  if (status != 0) return mangled;
  std::string name = text;
  std::free(text);
  return name;
}

void erase_all(std::string& text, std::string_view part) {
  for (size_t at; (at = text.find(part)) != std::string::npos;) text.erase(at, part.size());
}

// Position of the first `wanted` outside of angle brackets, at or after `from`.
size_t outside_brackets(const std::string& text, char wanted, size_t from) {
  int depth = 0;
  for (size_t i = from; i < text.size(); ++i) {
    if (depth == 0 && text[i] == wanted) return i;
    depth += text[i] == '<' || text[i] == '(' ? 1 : text[i] == '>' || text[i] == ')' ? -1 : 0;
  }
  return std::string::npos;
}

std::vector<std::string> arguments_of(const std::string& list) {
  std::vector<std::string> arguments;
  for (size_t from = 0; from <= list.size();) {
    const size_t end = std::min(outside_brackets(list, ',', from), list.size());
    const size_t first = list.find_first_not_of(' ', from);
    arguments.push_back(list.substr(first, end - first));
    from = end + 1;
  }
  return arguments;
}

}  // namespace

KernelName read_kernel_name(const std::string& mangled) {
  std::string name = demangled(mangled);
  for (const char* part : {"dermis::", "(anonymous namespace)::", "void "}) erase_all(name, part);
  name = name.substr(0, outside_brackets(name, '(', 0));
  static const std::string kLauncher = "run_on_gpu<";
  if (name.compare(0, kLauncher.size(), kLauncher) != 0) return {name};
  const size_t close = name.find_last_of('>');
  const std::vector<std::string> plan = arguments_of(name.substr(kLauncher.size(), close - kLauncher.size()));
  if (plan.size() != 4) return {name};
  std::string kernel = plan[0];
  while (!kernel.empty() && kernel.back() == ' ') kernel.pop_back();
  for (size_t at; (at = kernel.find(" >")) != std::string::npos;) kernel.erase(at, 1);
  return {kernel, std::atoi(plan[1].c_str()), std::atoi(plan[2].c_str()),
          static_cast<uint32_t>(std::atoll(plan[3].c_str()))};
}

}  // namespace dermis::gates
