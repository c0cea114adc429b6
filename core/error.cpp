#include "core/error.h"

#include <utility>

namespace dermis {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage: return 2;
    case ErrorKind::data: return 3;
    case ErrorKind::device: return 4;
    case ErrorKind::internal: return 5;
    case ErrorKind::interrupted: return 130;
  }
  return 5;
}

const char* name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage: return "usage";
    case ErrorKind::data: return "data";
    case ErrorKind::device: return "device";
    case ErrorKind::internal: return "internal";
    case ErrorKind::interrupted: return "interrupted";
  }
  return "internal";
}

Error::Error(ErrorKind kind, ErrorInfo info) : kind_(kind), info_(std::move(info)), message_(info_.what) {
  const auto add = [this](const char* label, const std::string& text) {
    if (!text.empty()) message_ += std::string("\n  ") + label + ": " + text;
  };
  add("where", info_.where);
  add("expected", info_.expected);
  add("found", info_.found);
  add("fix", info_.fix);
}

void fail_check(const char* condition, const char* file, int line, const std::string& detail) {
  throw Error(ErrorKind::internal, {.what = "internal check failed: " + detail,
                                    .where = std::string(file) + ":" + std::to_string(line),
                                    .expected = condition,
                                    .fix = "this is a defect in dermis: please report it with the command line"});
}

}  // namespace dermis
