// What the CUDA module is linked with in the place of CUDA's runtime (runtime.cpp), and what its tests tell it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/ptx/traffic.h"

extern "C" {

// Which memory kernels may touch: whether all of it lies in one buffer.
// None before the first call.
void dermis_ptx_memory(bool (*holds)(uint64_t address, size_t bytes));

// Launches from now on add to it; null: to nothing.
void dermis_ptx_traffic(dermis::ptx::Traffic* traffic);
}
