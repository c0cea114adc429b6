// Every access of a kernel to memory: bounds, alignment, initialisation and order are checked here, and faults thrown.
// An access of n bytes lies at a multiple of n.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/emulator/schedule.h"

namespace dermis {

const std::byte* read_shared(EmulatedThread& thread, Shared at, uint32_t bytes, CallSite site);
std::byte* write_shared(EmulatedThread& thread, Shared at, uint32_t bytes, CallSite site);

void check_global_read(EmulatedThread& thread, const void* at, size_t bytes, Read kind, CallSite site);
void check_global_write(EmulatedThread& thread, const void* at, size_t bytes, CallSite site);

// Atomics.
uint32_t add_to_shared(EmulatedThread& thread, Shared counter, uint32_t value, CallSite site);
// Adds, and passes on what the releasing threads knew (fence() takes it in).
uint32_t add_to_global(EmulatedThread& thread, uint32_t* counter, uint32_t value, CallSite site);
void fence_thread(EmulatedThread& thread);
// At a barrier all threads learn what any of them knew.
void share_knowledge(EmulatedThread* const* threads, size_t count);

// Poisons the destination; the bytes arrive in land_copies, and the source must be the same from here to there.
void start_copy(EmulatedThread& thread, Shared to, const void* from, bool valid, CallSite site);
void land_copies(EmulatedThread& thread, uint64_t newest, CallSite site);

}  // namespace dermis
