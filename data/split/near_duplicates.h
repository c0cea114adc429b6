// Pairs of pictures that look alike: their perceptual hashes differ in few bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace dermis {

// Default number of differing bits up to which two pictures count as near duplicates: re-encoded and rescaled copies
// differ in 0 to 4 of the 64 bits, different pictures in about 32.
inline constexpr int kNearDuplicateBits = 4;

// Links (i < j, ascending) between hashes that differ in at most `bits` bits (0 to 15): every pair of different hashes
// so near, through the first index that holds each, and a chain through the indices of equal hashes, so that a thousand
// copies of one picture give a thousand links and not a million. Exact: hashes are cut into bits + 1 bands; two that
// differ in `bits` places agree in at least one band (pigeonhole), and only those are compared.
std::vector<std::pair<size_t, size_t>> near_duplicate_links(const std::vector<uint64_t>& hashes, int bits);

}  // namespace dermis
