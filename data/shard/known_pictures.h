// Which pictures of a set were seen before.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/shard/seen_pictures.h"

namespace dermis {

// By what a picture was known, the surest first; one reason a picture is told.
enum class KnownBy { bytes, lesion, patient, looks, group };
std::string describe(KnownBy reason);  // "the same bytes", ...

struct KnownPicture {
  std::string item;
  KnownBy by = KnownBy::bytes;
};

struct Recognition {
  std::vector<KnownPicture> known;
  int64_t by_hash_alone = 0;      // of those known by looks: the seen picture is not at hand, so hashes decided
  int64_t not_confirmed = 0;      // near in hash, but not so near that it says enough: a gap
  std::vector<std::string> gaps;  // in words: what could not be compared

  bool clean() const { return known.empty() && gaps.empty(); }
};

// Compares what every sample of `set` says of itself. Looks are judged as a split judges them
// (data/split/look_alikes.h): near in perceptual hash, then by pixels where the folder that the seen picture came from
// still is where it was, by few bits alone otherwise.
Recognition recognise(const SeenPictures& seen, const ShardReader& set);

// "12 pictures (10 by the same bytes, 2 by the same patient), e.g. a, b"
std::string describe(const Recognition& recognition);

}  // namespace dermis
