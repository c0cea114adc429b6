// What a launch is caught at.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/emulator/emulate.h"

namespace dermis::testing {

template <class Run>
std::optional<EmulationFault> fault_of(Run run) {
  try {
    run();
  } catch (const EmulationFault& fault) {
    return fault;
  }
  return std::nullopt;
}

// run(seed) under a few seeds, since a bug must be found whatever the schedule.
template <class Run>
void expect_fault(FaultKind kind, const std::string& part, Run run) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const auto fault = fault_of([&] { run(seed); });
    ASSERT_TRUE(fault.has_value()) << "seed " << seed << ": nothing was caught";
    EXPECT_STREQ(fault_name(fault->kind), fault_name(kind)) << fault->what();
    EXPECT_NE(std::string(fault->what()).find(part), std::string::npos) << fault->what();
  }
}

// Where the schedule decides which side of the bug shows.
template <class Run>
void expect_some_fault(Run run) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_TRUE(fault_of([&] { run(seed); }).has_value()) << "seed " << seed << ": nothing was caught";
  }
}

template <class Run>
void expect_clean(Run run) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const auto fault = fault_of([&] { run(seed); });
    EXPECT_FALSE(fault.has_value()) << "seed " << seed << ": " << fault->what();
  }
}

}  // namespace dermis::testing
