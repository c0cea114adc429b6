// What a contest runs on.
#pragma once

#include <c10/core/Device.h>

#include <memory>

#include "benchmarks/contest/row.h"
#include "benchmarks/stopwatch.h"

namespace dermis {

// Device, commit, date and LibTorch, without rows. Sets the CPU's threads.
ContestResult begin_contest(at::Device device, int threads, int rounds);

std::unique_ptr<Stopwatch> stopwatch_for(at::Device device);

}  // namespace dermis
