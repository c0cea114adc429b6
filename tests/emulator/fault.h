// What the emulator says when a kernel breaks a rule of kernels/machine/machine.h, and where in the kernel it was.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace dermis {

// The line of kernel code that called a machine member; members take it as a default argument.
struct CallSite {
  const char* file = "";
  int line = 0;
  static constexpr CallSite here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
  std::string text() const;
  bool operator==(const CallSite& other) const;
};

enum class FaultKind {
  kLaunch,         // a shape that no GPU runs
  kOutOfBounds,    // an address outside every buffer, or outside the block's shared memory
  kMisaligned,     // an address that is not a multiple of the access size
  kUninitialised,  // a read of bytes that nobody wrote
  kRace,           // two accesses, one of them a write, that no barrier or ticket orders
  kCopyInFlight,   // an access to bytes that an asynchronous copy has yet to bring, or a thread that leaves before them
  kNotCoherent,    // m.load() of global data that the same launch writes: the device may answer with a stale copy
  kDivergence,     // lanes of a warp, or warps of a block, in different collective calls
  kDeadlock,       // threads that wait for a barrier which others never reach
};
const char* fault_name(FaultKind kind);

// A thread of a launch. Blocks count along axis 0 first.
struct ThreadPlace {
  uint32_t block = 0;
  int warp = 0, lane = 0;
  std::string text() const;
};

class EmulationFault : public std::runtime_error {
 public:
  EmulationFault(FaultKind kind, ThreadPlace place, CallSite site, const std::string& what);
  const FaultKind kind;
  const ThreadPlace place;
};

}  // namespace dermis
