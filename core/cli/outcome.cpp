#include "core/cli/outcome.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "core/error.h"

namespace dermis {
namespace {

int report(const Error& error) {
  if (error.kind() == ErrorKind::interrupted) {
    std::string line = "dermis: interrupted";
    if (error.info().what != "interrupted") line += ": " + error.info().what;
    if (!error.info().fix.empty()) line += "; " + error.info().fix;
    fmt::print(stderr, "{}\n", line);
  } else {
    fmt::print(stderr, "dermis: {} error: {}\n", name_of(error.kind()), error.what());
  }
  return exit_code(error.kind());
}

Error as_error(const std::filesystem::filesystem_error& error) {
  std::string where = error.path1().string();
  if (!error.path2().empty()) where += " and " + error.path2().string();
  return {ErrorKind::data,
          {.what = "a file or folder cannot be used",
           .where = where,
           .found = error.code().message(),
           .fix = "check the path, its permissions and the disk"}};
}

}  // namespace

int report_failure() {
  try {
    throw;
  } catch (const Error& error) {
    return report(error);
  } catch (const std::filesystem::filesystem_error& error) {
    return report(as_error(error));
  } catch (const std::system_error& error) {
    // fmt's, of a stream that takes no more.
    if (std::ferror(stdout) != 0) return error.code().value() == EPIPE ? 0 : finish_output(0);
    fmt::print(stderr, "dermis: internal error: {}\n", error.what());
  } catch (const std::exception& error) {
    fmt::print(stderr, "dermis: internal error: {}\n", error.what());
  }
  return exit_code(ErrorKind::internal);
}

int finish_output(int code) {
  errno = 0;
  std::cout.flush();
  const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good();
  if (written || errno == EPIPE) return code;
  const std::string reason = errno != 0 ? std::generic_category().message(errno) : "it takes no more";
  report({ErrorKind::data,
          {.what = "what the command prints cannot be written",
           .where = "standard output",
           .found = reason,
           .fix = "free some space, or send the output elsewhere"}});
  return exit_code(ErrorKind::data);
}

}  // namespace dermis
