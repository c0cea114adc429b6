#include "core/random.h"

#include <xxhash.h>

#include <cmath>
#include <numbers>

namespace dermis {

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53;
  constexpr uint64_t kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9;
  constexpr uint32_t kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = kMultiplier0 * counter[0];
    const uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

// Key and counter are two independent 64-bit mixes of all four inputs: a 64-bit counter start leaves 2^32 blocks a
// stream.
RandomStream random_stream(uint64_t seed, RandomPurpose purpose, uint64_t a, uint64_t b) {
  const std::array<uint64_t, 4> words{seed, static_cast<uint64_t>(purpose), a, b};
  const uint64_t key = XXH3_64bits_withSeed(words.data(), sizeof(words), 0x6465726d);
  const uint64_t start = XXH3_64bits_withSeed(words.data(), sizeof(words), 0x6973);
  return {.key = {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)},
          .start = {static_cast<uint32_t>(start), static_cast<uint32_t>(start >> 32)}};
}

Random::Random(uint64_t seed, RandomPurpose purpose, uint64_t a, uint64_t b) {
  const RandomStream stream = random_stream(seed, purpose, a, b);
  key_ = stream.key;
  counter_ = {0, 0, stream.start[0], stream.start[1]};
}

uint32_t Random::bits() {
  if (used_ == 4) {
    block_ = philox(counter_, key_);
    if (++counter_[0] == 0) ++counter_[1];
    used_ = 0;
  }
  return block_[static_cast<size_t>(used_++)];
}

uint64_t Random::below(uint64_t bound) {
  const uint64_t limit = ~uint64_t{0} - (~uint64_t{0} % bound);
  while (true) {
    const uint64_t high = bits();
    const uint64_t value = (high << 32) | bits();
    if (value < limit) return value % bound;
  }
}

double Random::uniform() {
  const uint64_t high = bits();
  return static_cast<double>(((high << 32) | bits()) >> 11) * 0x1.0p-53;
}

double Random::uniform(double low, double high) { return low + (high - low) * uniform(); }

double Random::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

uint64_t stable_hash(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

}  // namespace dermis
