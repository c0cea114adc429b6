// What a picture is shown as when several looks at it are averaged.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/contract.h"
#include "data/image/image.h"

namespace dermis {

// View v is orientation v and, of it, the central part that keeps the share crops[v % crops.size()] of either side.
// A model trained on crops has seen things larger than the whole picture shows them, and answers better when some views
// are as close as its training was (arXiv 1906.06423).
struct Views {
  int count = 1;  // 1 to 8
  std::vector<double> crops{1.0};
};
// Error(usage): shares outside (0, 1], none, or more of them than views.
void check_views(const Views& views);
// For people; "" for the one picture as it is.
std::string describe(const Views& views);

// The picture in up to eight orientations (quarter turns, then mirrored ones); 0 is the picture itself.
Image oriented(const Image& image, int orientation);

// Planes [images, 3, S, S] of one view of every picture.
std::vector<uint8_t> view_planes(const std::vector<Image>& images, const ImageFormat& format, const Views& views,
                                 int view);

}  // namespace dermis
