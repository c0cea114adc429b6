// Pairs of pictures that look alike: their perceptual hashes differ in few bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace dermis {

// Links (i < j, ascending) between hashes that differ in at most `bits` bits (0 to 15): every pair of different hashes
// so near, through the first index that holds each; and each further index of a hash with the first and the latest
// before it, so that a thousand copies of one picture give some thousand links and not a million. Exact: hashes are cut
// into bits + 1 bands; two that differ in `bits` places agree in at least one band (pigeonhole), and only those are
// compared.
std::vector<std::pair<size_t, size_t>> near_duplicate_links(const std::vector<uint64_t>& hashes, int bits);

}  // namespace dermis
