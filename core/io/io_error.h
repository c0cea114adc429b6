// Failures of the operating system's file calls as Error(data): path, reason and what to do about it.
#pragma once

#include <string>

namespace dermis {

// `action` completes "cannot ... ": "write", "open", "map". `code` is an errno value.
[[noreturn]] void throw_io_error(const std::string& action, const std::string& path, int code);

}  // namespace dermis
