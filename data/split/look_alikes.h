// Pictures that show the same thing: near in perceptual hash, then compared by pixels.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "data/image/image.h"
#include "data/item.h"

namespace dermis {

// Two pictures whose hashes differ in at most kCandidateBits of 64 bits are compared by pixels, and count as near
// duplicates from kSameCorrelation on. Measured on ISIC 2017, 3.8 million pairs: of 46 pairs within 4 bits about half
// show different lesions (a small spot on plain skin, twice), while recoloured copies lie up to 8 bits apart; of the 42
// pairs that pass both rules here, about six are different lesions in the same round frame.
inline constexpr int kCandidateBits = 8;
inline constexpr double kSameCorrelation = 0.93;
// Without the pictures: so few differing bits count as near duplicates.
inline constexpr int kBitsWithoutPictures = 4;

struct LookAlikes {
  std::vector<std::pair<size_t, size_t>> links;  // (i < j, ascending)
  int64_t compared = 0;                          // pairs compared by pixels
  int64_t not_compared = 0;                      // pairs of which a picture could not be opened: judged by hash alone
};

// Items without a phash, and rendered pictures (label_basis "generated": independent by construction, however alike),
// take no part. Relative image paths join `folder`. `bits`: kCandidateBits unless asked otherwise.
LookAlikes find_look_alikes(const std::vector<Item>& items, const std::string& folder, int bits);

// Pearson correlation of the grey values at 64 x 64 pixels; 0 for a picture without contrast.
double grey_correlation(const Image& a, const Image& b);

}  // namespace dermis
