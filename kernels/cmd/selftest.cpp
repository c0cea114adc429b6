#include "kernels/selftest/selftest.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "core/cli/parse.h"
#include "core/error.h"
#include "kernels/cmd/verbs.h"

namespace dermis {

int run_selftest_command(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app(
      "Compares every operator, values and gradients, with fp64 references on random shapes, on every path "
      "that this machine has",
      "selftest");
  SelftestOptions options;
  app.add_option("--seed", options.seed, "Another seed draws other shapes and numbers")->capture_default_str();
  app.add_option("--count", options.count, "Cases an operator")->check(CLI::Range(1, 1'000'000))->capture_default_str();
  app.add_option("--only", options.only, "One operator by its name");
  if (!parse_arguments(app, arguments)) return 0;
  size_t failures = 0;
  std::string report;
  bool headed = false;
  run_selftest(options, [&](const SelftestResult& result) {
    if (!std::exchange(headed, true))
      fmt::print("{:<22}{:<10}{:>6}{:>12}{:>12}{:>12}\n", "operator", "path", "cases", "max error", "RMS error",
                 "limit");
    fmt::print("{:<22}{:<10}{:>6}{:>12.2e}{:>12.2e}{:>12.0e}  {}\n", result.op, result.path, result.cases,
               result.max_error, result.rms_error, result.limit, result.failures.empty() ? "ok" : "FAILED");
    std::fflush(stdout);
    for (const std::string& failure : result.failures)
      report += fmt::format("{}, {}: {}\n", result.op, result.path, failure);
    failures += result.failures.size();
  });
  fmt::print("{}", report);
  if (failures == 0) return 0;
  fmt::print("{} cases are off: an operator computes wrongly on this machine. Please report it with this output.\n",
             failures);
  return exit_code(ErrorKind::internal);
}

}  // namespace dermis
