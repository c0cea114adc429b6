// This process and the machine it runs on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dermis {

constexpr int kMostThreads = 1024;

int64_t resident_bytes();  // memory now (RSS)
int hardware_threads();    // of the machine that are online, at least 1
int usable_cores();        // this process's affinity mask and the control group's quota, at least 1
int most_threads();        // that one part of the program may start: four a hardware thread, at most kMostThreads
double monotonic_s();      // seconds on a clock that never jumps
double wall_clock_s();     // seconds since 1970
std::string utc_time();    // "2026-01-31T23:59:59Z"
std::vector<std::string> command_line();

struct Hardware {
  std::string cpu;  // model name
  int cores = 0;
  int64_t memory_bytes = 0;
  std::string system;  // kernel and release
  std::string host;
};
Hardware hardware();

}  // namespace dermis
