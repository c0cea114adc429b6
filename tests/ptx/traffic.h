// What kernels ask of memory: counted where the addresses of all lanes are known.
#pragma once

#include <cstdint>
#include <unordered_set>

namespace dermis::ptx {

constexpr uint32_t kSectorBytes = 32;  // what global memory moves at once

struct Traffic {
  uint64_t launches = 0;
  uint64_t lane_bytes = 0;    // of global memory, that lanes loaded and stored
  uint64_t sector_bytes = 0;  // of the sectors that hold them, an access of a warp at a time: more where lanes' bytes
                              // do not lie side by side
  uint64_t loaded_bytes = 0;  // the same, every sector counted once a launch: what must come from memory
  uint64_t stored_bytes = 0;
  uint64_t shared_passes = 0;  // of shared memory, whose 32 banks give a word of four bytes each a pass
  uint64_t shared_least = 0;   // had no two lanes' words met in a bank
};

// Of one launch.
class TrafficCounter {
 public:
  explicit TrafficCounter(Traffic& total) : total_(total) { ++total_.launches; }
  ~TrafficCounter();
  TrafficCounter(const TrafficCounter&) = delete;
  TrafficCounter& operator=(const TrafficCounter&) = delete;

  // An access of the lanes in `active`, `bytes` at each address.
  void count_global(const uint64_t* addresses, uint32_t active, uint32_t bytes, bool is_store);
  void count_shared(const uint64_t* addresses, uint32_t active, uint32_t bytes);

 private:
  Traffic& total_;
  std::unordered_set<uint64_t> loaded_, stored_;  // sectors
};

}  // namespace dermis::ptx
