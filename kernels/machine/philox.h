// The generator of core/random.h (Philox 4x32-10, Salmon et al., SC11) for device code: four words, a pure function of
// counter and key.
#pragma once

#include "kernels/machine/machine.h"

namespace dermis {

struct PhiloxWords {
  uint32_t word[4];
};

DERMIS_DEVICE PhiloxWords philox_words(PhiloxWords counter, uint32_t key0, uint32_t key1) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  DERMIS_UNROLL
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = kMultiplier0 * counter.word[0], product1 = kMultiplier1 * counter.word[2];
    counter = {{static_cast<uint32_t>(product1 >> 32) ^ counter.word[1] ^ key0, static_cast<uint32_t>(product1),
                static_cast<uint32_t>(product0 >> 32) ^ counter.word[3] ^ key1, static_cast<uint32_t>(product0)}};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return counter;
}

}  // namespace dermis
