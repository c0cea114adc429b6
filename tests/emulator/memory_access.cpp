#include "tests/emulator/memory_access.h"

#include <cstring>

namespace dermis {
namespace {

Moment moment(const EmulatedThread& thread) {
  const EmulatedLaunch& launch = *thread.block->launch;
  return {thread.number,           launch.device.now(),    launch.start,
          thread.block->sync_time, thread.warp->sync_time, thread.known.get()};
}

std::string other_thread(const EmulatedThread& me, uint32_t number) {
  const uint32_t block = number >> kThreadInBlockBits, thread = number & ((1u << kThreadInBlockBits) - 1);
  if (number == me.number) return "this thread";
  return (block == me.block->index ? std::string() : "block " + std::to_string(block) + " ") + "warp " +
         std::to_string(thread / kWarpSize) + " lane " + std::to_string(thread % kWarpSize);
}

[[noreturn]] void report(const EmulatedThread& thread, CallSite site, const std::string& where,
                         const ShadowMemory::Finding& found) {
  const std::string writer = other_thread(thread, found.granule.writer());
  const std::string reader = other_thread(thread, found.granule.reader());
  FaultKind kind = FaultKind::kUninitialised;
  std::string what;
  switch (found.conflict) {
    case Conflict::kNone:
    case Conflict::kUninitialised: what = "was never written"; break;
    case Conflict::kInFlight:
      kind = FaultKind::kCopyInFlight;
      what = "is the target of an asynchronous copy of " + writer + " that has not landed";
      break;
    case Conflict::kUnorderedWrite:
      kind = FaultKind::kRace;
      what = "was written by " + writer + ", and nothing orders that write and this access";
      break;
    case Conflict::kUnorderedRead:
      kind = FaultKind::kRace;
      what = "was read by " + reader + ", and nothing orders that read and this write";
      break;
    case Conflict::kStaleRead:
      kind = FaultKind::kNotCoherent;
      what = "was written in this launch by " + writer +
             ": load() may see the old bytes, use load_written() (load_own() where it is this block's)";
      break;
    case Conflict::kWriteAfterLoad:
      kind = FaultKind::kNotCoherent;
      what = "was read by " + reader + " with load() as constant during this launch: use load_written() there";
      break;
  }
  throw EmulationFault(kind, thread.place(), site, where + " " + what);
}

std::string shared_name(const EmulatedThread& thread, size_t byte) {
  return "shared byte " + std::to_string(byte) + " of " + std::to_string(thread.block->shared.bytes.size());
}
[[noreturn]] void report_shared(const EmulatedThread& thread, CallSite site, const ShadowMemory::Finding& found) {
  report(thread, site, shared_name(thread, found.byte), found);
}

std::string global_name(const GlobalRegion& region, size_t byte) {
  return "byte " + std::to_string(byte) + " of the buffer of " + std::to_string(region.bytes()) + " bytes";
}
[[noreturn]] void report_global(const EmulatedThread& thread, CallSite site, const GlobalRegion& region,
                                const ShadowMemory::Finding& found) {
  report(thread, site, global_name(region, found.byte), found);
}

void check_shared(const EmulatedThread& thread, Shared at, uint32_t bytes, CallSite site) {
  if (at.at % bytes != 0) {
    throw EmulationFault(FaultKind::kMisaligned, thread.place(), site,
                         std::to_string(bytes) + " bytes at " + shared_name(thread, at.at));
  }
  if (uint64_t{at.at} + bytes > thread.block->shared.bytes.size()) {
    throw EmulationFault(FaultKind::kOutOfBounds, thread.place(), site,
                         std::to_string(bytes) + " bytes at " + shared_name(thread, at.at));
  }
}

struct GlobalPlace {
  GlobalRegion& region;
  size_t first;
};
GlobalPlace check_global(const EmulatedThread& thread, const void* at, size_t bytes, CallSite site) {
  GlobalRegion* region = thread.block->launch->device.find(at, bytes);
  if (region == nullptr) {
    throw EmulationFault(FaultKind::kOutOfBounds, thread.place(), site,
                         std::to_string(bytes) + " bytes of global memory" + thread.block->launch->device.nearest(at));
  }
  const auto first = static_cast<size_t>(static_cast<const std::byte*>(at) - region->data());
  if (first % bytes != 0) {
    throw EmulationFault(FaultKind::kMisaligned, thread.place(), site,
                         std::to_string(bytes) + " bytes at " + global_name(*region, first));
  }
  return {*region, first};
}

bool races(const EmulatedThread& thread) { return thread.block->launch->options.races; }

// Takes in what the threads that added to `counter` had released.
void acquire(EmulatedThread& thread, const void* counter) {
  const auto released = thread.block->launch->released.find(counter);
  if (released != thread.block->launch->released.end()) thread.seen.learn(released->second);
}

std::byte* write_shared(EmulatedThread& thread, Shared at, uint32_t bytes, Write kind, CallSite site) {
  check_shared(thread, at, bytes, site);
  SharedMemory& shared = thread.block->shared;
  const auto found = shared.shadow.write(at.at, bytes, moment(thread), kind, races(thread));
  if (found.conflict != Conflict::kNone) report_shared(thread, site, found);
  return shared.bytes.data() + at.at;
}

// Before an atomic, which reads what it is to change.
void check_written(const EmulatedThread& thread, const ShadowMemory& shadow, size_t byte, CallSite site,
                   const std::string& name) {
  const Granule granule = shadow.at(byte);
  if (!granule.written()) report(thread, site, name, {Conflict::kUninitialised, byte, granule});
}

void land(EmulatedThread& thread, const AsyncCopy& copy, CallSite site) {
  if (copy.from != nullptr) {
    const auto [region, first] = check_global(thread, copy.from, 16, site);
    if (region.shadow.written_since(first, 16, copy.start_time) || std::memcmp(copy.from, copy.bytes.data(), 16) != 0) {
      throw EmulationFault(FaultKind::kRace, thread.place(), site,
                           global_name(region, first) + " was written while an asynchronous copy of it was on its way");
    }
    check_global_read(thread, copy.from, 16, Read::kPlain, site);
  }
  SharedMemory& shared = thread.block->shared;
  std::memcpy(shared.bytes.data() + copy.to.at, copy.bytes.data(), 16);
  shared.shadow.land(copy.to.at, moment(thread));
}

}  // namespace

const std::byte* read_shared(EmulatedThread& thread, Shared at, uint32_t bytes, CallSite site) {
  check_shared(thread, at, bytes, site);
  SharedMemory& shared = thread.block->shared;
  const auto found = shared.shadow.read(at.at, bytes, moment(thread), Read::kPlain, races(thread));
  if (found.conflict != Conflict::kNone) report_shared(thread, site, found);
  return shared.bytes.data() + at.at;
}

std::byte* write_shared(EmulatedThread& thread, Shared at, uint32_t bytes, CallSite site) {
  return write_shared(thread, at, bytes, Write::kPlain, site);
}

uint32_t add_to_shared(EmulatedThread& thread, Shared counter, uint32_t value, CallSite site) {
  check_shared(thread, counter, sizeof(uint32_t), site);
  check_written(thread, thread.block->shared.shadow, counter.at, site, shared_name(thread, counter.at));
  std::byte* at = write_shared(thread, counter, sizeof(uint32_t), Write::kAtomic, site);
  uint32_t before;
  std::memcpy(&before, at, sizeof(before));
  const uint32_t after = before + value;
  std::memcpy(at, &after, sizeof(after));
  return before;
}

void check_global_read(EmulatedThread& thread, const void* at, size_t bytes, Read kind, CallSite site) {
  const auto [region, first] = check_global(thread, at, bytes, site);
  const auto found = region.shadow.read(first, bytes, moment(thread), kind, races(thread));
  if (found.conflict != Conflict::kNone) report_global(thread, site, region, found);
  if (region.shadow.at(first).atomic()) acquire(thread, at);
}

void check_global_write(EmulatedThread& thread, const void* at, size_t bytes, CallSite site) {
  const auto [region, first] = check_global(thread, at, bytes, site);
  if (region.shadow.at(first).atomic()) thread.block->launch->released.erase(at);
  const auto found = region.shadow.write(first, bytes, moment(thread), Write::kPlain, races(thread));
  if (found.conflict != Conflict::kNone) report_global(thread, site, region, found);
}

uint32_t add_to_global(EmulatedThread& thread, uint32_t* counter, uint32_t value, CallSite site) {
  const auto [region, first] = check_global(thread, counter, sizeof(uint32_t), site);
  check_written(thread, region.shadow, first, site, global_name(region, first));
  const auto found = region.shadow.write(first, sizeof(uint32_t), moment(thread), Write::kAtomic, races(thread));
  if (found.conflict != Conflict::kNone) report_global(thread, site, region, found);
  acquire(thread, counter);
  thread.block->launch->released[counter].learn(thread.fenced);
  const uint32_t before = *counter;
  *counter = before + value;
  return before;
}

void fence_thread(EmulatedThread& thread) {
  const uint32_t now = thread.block->launch->device.tick();
  if (!thread.seen.empty()) {
    auto known = thread.known == nullptr ? Knowledge() : *thread.known;
    known.learn(thread.seen);
    thread.known = std::make_shared<const Knowledge>(std::move(known));
    thread.seen = {};
  }
  if (thread.known != nullptr) thread.fenced.learn(*thread.known);
  thread.fenced.learn(Group::kThread, thread.number, now);
  thread.fenced.learn(Group::kWarp, thread.number, thread.warp->sync_time);
  thread.fenced.learn(Group::kBlock, thread.number, thread.block->sync_time);
}

void share_knowledge(EmulatedThread* const* threads, size_t count) {
  bool equal = true;
  for (size_t i = 1; i < count; ++i) equal = equal && threads[i]->known == threads[0]->known;
  if (equal) return;
  Knowledge all;
  for (size_t i = 0; i < count; ++i) {
    if (threads[i]->known != nullptr) all.learn(*threads[i]->known);
  }
  const auto shared = std::make_shared<const Knowledge>(std::move(all));
  for (size_t i = 0; i < count; ++i) threads[i]->known = shared;
}

void start_copy(EmulatedThread& thread, Shared to, const void* from, bool valid, CallSite site) {
  EmulatedLaunch& launch = *thread.block->launch;
  AsyncCopy copy;
  copy.to = to;
  if (valid) {
    check_global_read(thread, from, 16, Read::kPlain, site);
    copy.from = from;
    std::memcpy(copy.bytes.data(), from, 16);
    copy.start_time = launch.device.now();
  }
  std::memset(write_shared(thread, to, 16, Write::kStartCopy, site), 0xff, 16);
  thread.copies.start(copy);
  ++launch.report.async_copies;
}

void land_copies(EmulatedThread& thread, uint64_t newest, CallSite site) {
  thread.copies.wait(newest, [&](const AsyncCopy& copy) { land(thread, copy, site); });
}

}  // namespace dermis
