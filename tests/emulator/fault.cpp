#include "tests/emulator/fault.h"

#include <cstring>

namespace dermis {

std::string CallSite::text() const {
  const char* name = std::strrchr(file, '/');
  return std::string(name != nullptr ? name + 1 : file) + ":" + std::to_string(line);
}

bool CallSite::operator==(const CallSite& other) const {
  return line == other.line && (file == other.file || std::strcmp(file, other.file) == 0);
}

const char* fault_name(FaultKind kind) {
  switch (kind) {
    case FaultKind::kLaunch: return "impossible launch";
    case FaultKind::kOutOfBounds: return "out of bounds";
    case FaultKind::kMisaligned: return "misaligned";
    case FaultKind::kUninitialised: return "uninitialised read";
    case FaultKind::kRace: return "race";
    case FaultKind::kCopyInFlight: return "copy in flight";
    case FaultKind::kNotCoherent: return "not coherent";
    case FaultKind::kDivergence: return "divergence";
    case FaultKind::kDeadlock: return "deadlock";
  }
  return "fault";
}

std::string ThreadPlace::text() const {
  return "block " + std::to_string(block) + " warp " + std::to_string(warp) + " lane " + std::to_string(lane);
}

EmulationFault::EmulationFault(FaultKind kind, ThreadPlace place, CallSite site, const std::string& what)
    : std::runtime_error(std::string(fault_name(kind)) + " at " + site.text() + ", " + place.text() + ": " + what),
      kind(kind),
      place(place) {}

}  // namespace dermis
