// Runs a kernel of PTX on the CPU.
#pragma once

#include <cstdint>

#include "tests/ptx/memory.h"
#include "tests/ptx/program.h"
#include "tests/ptx/traffic.h"
#include "tests/ptx/warp.h"

namespace dermis::ptx {

// In which order blocks start, and how warps of a block take turns: any order must give the same results. Blocks run
// one after another.
struct Schedule {
  uint64_t seed = 1;
  CopyTime copies = CopyTime::late;
};

// Of the nth launch: another one every time, and copies by turns at once and as late as the kernel allows.
Schedule schedule_of(uint64_t n);

// Adds to `traffic` when there is one. Throws std::runtime_error that says what is wrong, and where.
void launch(const Kernel& kernel, const uint32_t (&blocks)[3], uint32_t threads, uint32_t shared_bytes,
            const void* params, GlobalMemory& global, const Schedule& schedule, Traffic* traffic = nullptr);

}  // namespace dermis::ptx
