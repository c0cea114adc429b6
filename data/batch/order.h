// Which picture comes when: a pure function of (seed, position), with no state to save and none to replay.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/random.h"

namespace dermis {

// A keyed permutation of 0..count-1 that answers for any position at once: a Feistel network over the next power of
// four, walked until it lands inside (Black and Rogaway, CT-RSA 2002).
class Permutation {
 public:
  Permutation(uint64_t count, uint64_t seed, RandomPurpose purpose, uint64_t a, uint64_t b);
  uint64_t operator()(uint64_t position) const;

 private:
  uint64_t count_;
  int half_bits_ = 1;
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 2> tweak_;
};

struct Draw {
  int64_t sample = 0;  // global number
  int64_t epoch = 0;   // how often this sample came before
};

// One group of samples, of which each comes once an epoch.
struct DrawGroup {
  std::vector<int64_t> samples;
  uint64_t id = 0;  // keys its permutations
};

// What mixing weights share out: one source, or all of them. With several groups (one a class) each comes equally
// often.
struct DrawPool {
  std::vector<DrawGroup> groups;
  double weight = 1.0;
};

class SampleOrder {
 public:
  // Pools with weight 0 never come. At least one pool has a positive weight and no pool is empty.
  SampleOrder(std::vector<DrawPool> pools, uint64_t seed);
  Draw at(int64_t position) const;
  int64_t samples() const { return samples_; }

 private:
  Draw draw(size_t pool, int64_t n) const;

  std::vector<DrawPool> pools_;
  uint64_t seed_;
  int64_t samples_ = 0;
  // Every stretch of kPeriod positions holds each pool exactly shares_[pool] times, in an order of its own.
  std::vector<int64_t> shares_, first_slot_;
};

}  // namespace dermis
