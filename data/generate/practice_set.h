// Practice images: skin lesions drawn by rule, with known attributes, free of any person's data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/generate/site.h"
#include "data/image/image.h"
#include "data/item.h"

namespace dermis {

struct PracticeOptions {
  uint64_t seed = 0;
  Site site = Site::a;
  int size = 128;                    // pixels a side, 16..1024
  std::vector<LesionClass> classes;  // empty: all six; the site's mix among them
  std::vector<Modality> modalities;  // empty: both, in the site's shares
};

struct PracticeImage {
  Image image;  // before JPEG
  int jpeg_quality = 90;
  Item item;  // image path, sha256 and phash empty: they belong to the encoded file
};

// Picture `index` of the endless set that the options name: a pure function of both. Some pictures in a row show the
// same lesion, some lesions in a row belong to the same patient.
PracticeImage make_practice_image(const PracticeOptions& options, uint64_t index);

struct PracticeReport {
  int64_t images = 0;
  std::vector<std::pair<std::string, int64_t>> by_label;
};

// Writes `folder`/images/*.jpg and `folder`/items.jsonl: pictures 0..count-1 on `threads` threads; the bytes do not
// depend on how many. Error(data) when the folder already holds an items.jsonl or cannot be written.
PracticeReport write_practice_set(const std::string& folder, int64_t count, const PracticeOptions& options,
                                  int threads);

}  // namespace dermis
