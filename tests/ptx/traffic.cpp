#include "tests/ptx/traffic.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <vector>

namespace dermis::ptx {

TrafficCounter::~TrafficCounter() {
  total_.loaded_bytes += loaded_.size() * kSectorBytes;
  total_.stored_bytes += stored_.size() * kSectorBytes;
}

void TrafficCounter::count_global(const uint64_t* addresses, uint32_t active, uint32_t bytes, bool is_store) {
  std::array<uint64_t, 32> sectors;
  size_t count = 0;
  for (uint32_t left = active; left != 0; left &= left - 1)
    sectors[count++] = addresses[std::countr_zero(left)] / kSectorBytes;
  std::sort(sectors.begin(), sectors.begin() + static_cast<std::ptrdiff_t>(count));
  const auto end = std::unique(sectors.begin(), sectors.begin() + static_cast<std::ptrdiff_t>(count));
  total_.lane_bytes += count * bytes;
  total_.sector_bytes += static_cast<uint64_t>(end - sectors.begin()) * kSectorBytes;
  (is_store ? stored_ : loaded_).insert(sectors.begin(), end);
}

// Lanes whose words make 128 bytes share passes: all of them, halves, quarters.
void TrafficCounter::count_shared(const uint64_t* addresses, uint32_t active, uint32_t bytes) {
  constexpr uint64_t kBanks = 32, kWordBytes = 4;
  const uint32_t lanes_together = std::min(32U, 128 / bytes);
  for (uint32_t first = 0; first < 32; first += lanes_together) {
    std::vector<uint64_t> words;
    for (uint32_t lane = first; lane < first + lanes_together; ++lane) {
      if ((active >> lane & 1) == 0) continue;
      for (uint32_t byte = 0; byte < bytes; byte += kWordBytes) words.push_back((addresses[lane] + byte) / kWordBytes);
    }
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    std::array<uint32_t, kBanks> in_bank{};
    for (const uint64_t word : words) ++in_bank[word % kBanks];
    total_.shared_passes += *std::max_element(in_bank.begin(), in_bank.end());
    total_.shared_least += words.empty() ? 0 : 1;
  }
}

}  // namespace dermis::ptx
