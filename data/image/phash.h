// A 64-bit fingerprint of what a picture looks like, for finding near duplicates (pHash: Zauner, 2010).
#pragma once

#include <cstdint>
#include <string>

#include "data/image/image.h"

namespace dermis {

// Of upright pixels: resize to 32 x 32 (bilinear, antialiased), grey = (19595 R + 38470 G + 7471 B + 32768) >> 16,
// orthonormal two-dimensional DCT-II, keep the 8 x 8 lowest frequencies (rows are vertical frequencies), round to
// 1/1024. A bit is set where the coefficient is above the mean of the two middle ones of all 64 in order of size. The
// top bit belongs to the constant term, then row by row.
uint64_t perceptual_hash(const Image& image);

// Number of differing bits, 0..64. Re-encoded or slightly scaled copies of a picture differ by a few bits.
int hamming_distance(uint64_t a, uint64_t b);

std::string phash_text(uint64_t hash);          // 16 lower-case hex digits, as Item::phash holds it
uint64_t phash_value(const std::string& text);  // Error(data) unless `text` is 16 hex digits

}  // namespace dermis
