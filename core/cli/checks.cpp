#include "core/cli/checks.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <functional>
#include <optional>

#include "core/process.h"

namespace dermis {
namespace {

std::optional<double> number_in(const std::string& text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [last, status] = std::from_chars(text.data(), end, number);
  if (status != std::errc() || last != end || !std::isfinite(number)) return std::nullopt;
  return number;
}

// `name`: in the help, behind the option's type.
CLI::Validator number_check(const std::string& name, const std::function<bool(double)>& admits,
                            const std::function<std::string()>& expected) {
  return {[=](std::string& text) {
            const auto number = number_in(text);
            return number && admits(*number) ? "" : fmt::format("expected {}, found '{}'", expected(), text);
          },
          name};
}

}  // namespace

const CLI::Validator& non_negative() {
  static const CLI::Validator kCheck = number_check(
      "NONNEGATIVE", [](double number) { return number >= 0; }, [] { return "a number, 0 or more"; });
  return kCheck;
}

const CLI::Validator& positive() {
  static const CLI::Validator kCheck = number_check(
      "POSITIVE", [](double number) { return number > 0; }, [] { return "a number above 0"; });
  return kCheck;
}

const CLI::Validator& thread_count() {
  static const CLI::Validator kCheck = number_check(
      "THREADS", [](double number) { return number >= 1 && number <= most_threads(); },
      [] {
        return fmt::format("1 to {} threads (four for each of the machine's {} hardware threads, never above {})",
                           most_threads(), hardware_threads(), kMostThreads);
      });
  return kCheck;
}

}  // namespace dermis
