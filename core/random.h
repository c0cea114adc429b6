// Counter-based random numbers (Philox 4x32-10, Salmon et al., SC11): a draw is a pure function of its key, so nothing
// depends on threads, ranks or how often somebody else drew.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace dermis {

// Every use of randomness has a purpose, so that two uses never share a stream.
enum class RandomPurpose : uint32_t {
  weights = 1,
  order,
  augmentation,
  question,
  packing,
  generation,
  split,
  bootstrap,
  sampling,
  practice_image,
  selftest,
  mixing,
  rounding,
  patches
};

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// Where a stream lies: its block n of four words is philox({n low, n high, start[0], start[1]}, key). What draws on a
// device begins from.
struct RandomStream {
  std::array<uint32_t, 2> key, start;
};
RandomStream random_stream(uint64_t seed, RandomPurpose purpose, uint64_t a = 0, uint64_t b = 0);

// A stream keyed by (seed, purpose, a, b): for instance (seed, augmentation, epoch, sample).
class Random {
 public:
  Random(uint64_t seed, RandomPurpose purpose, uint64_t a = 0, uint64_t b = 0);
  uint32_t bits();
  uint64_t below(uint64_t bound);  // uniform in [0, bound), unbiased; bound > 0
  double uniform();                // [0, 1), 53 bits
  double uniform(double low, double high);
  double normal();  // mean 0, variance 1 (Box-Muller)
  bool chance(double probability) { return uniform() < probability; }
  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
};

uint64_t stable_hash(std::string_view text);  // XXH3, same on every machine: turns ids into keys

}  // namespace dermis
