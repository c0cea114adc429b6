// Errors a person can act on. Every error that input can cause carries what happened, where, what was expected,
// what was found and how to mend it; `main` alone turns the kind into an exit code.
#pragma once

#include <exception>
#include <string>

namespace dermis {

enum class ErrorKind { usage, data, device, internal, interrupted };

// 2 usage, 3 data, 4 device, 5 internal, 130 interrupted.
int exit_code(ErrorKind kind);
const char* name_of(ErrorKind kind);

struct ErrorInfo {
  std::string what = {};   // one sentence, without a full stop
  std::string where = {};  // file, sample id, field, tensor, line: as exact as known
  std::string expected = {};
  std::string found = {};
  std::string fix = {};  // what the user can do about it
};

class Error : public std::exception {
 public:
  Error(ErrorKind kind, ErrorInfo info);

  ErrorKind kind() const { return kind_; }
  const ErrorInfo& info() const { return info_; }
  // Several lines: "what", then "  where: ...", "  expected: ..." and so on for the fields that are set.
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  ErrorKind kind_;
  ErrorInfo info_;
  std::string message_;
};

[[noreturn]] void fail_check(const char* condition, const char* file, int line, const std::string& detail);

}  // namespace dermis

// An invariant of our own code. A failure is a bug (ErrorKind::internal), never a user's mistake.
#define DERMIS_CHECK(condition, detail)                                               \
  do {                                                                                \
    if (!(condition)) ::dermis::fail_check(#condition, __FILE__, __LINE__, (detail)); \
  } while (false)
