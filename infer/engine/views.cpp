#include "infer/engine/views.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"

namespace dermis {

void check_views(const Views& views) {
  const auto count = static_cast<size_t>(views.count);
  const bool within = std::all_of(views.crops.begin(), views.crops.end(), [](double c) { return c > 0 && c <= 1; });
  if (within && !views.crops.empty() && views.crops.size() <= count) return;
  throw Error(ErrorKind::usage,
              {.what = "no views of a picture can be made of these crops",
               .where = "--crops",
               .expected = fmt::format("1 to {} shares (as many as --views), above 0, at most 1", count),
               .found = fmt::format("{}", fmt::join(views.crops, ",")),
               .fix = "for example --views 8 --crops 1,0.87,0.75"});
}

std::string describe(const Views& views) {
  if (views.count == 1 && views.crops == std::vector{1.0}) return "";
  std::string text = fmt::format("{} orientation{}", views.count, views.count == 1 ? "" : "s");
  if (views.crops != std::vector{1.0})
    text += fmt::format(", by turns of the central {} of a side", fmt::join(views.crops, ", "));
  return text;
}

Image oriented(const Image& image, int orientation) {
  const bool mirrored = orientation >= 4;
  const int turns = orientation % 4;
  const bool swapped = turns % 2 == 1;
  Image out;
  out.width = swapped ? image.height : image.width;
  out.height = swapped ? image.width : image.height;
  out.rgb.resize(image.rgb.size());
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      int sx = x;
      int sy = y;
      if (turns == 1) {
        sx = y;
        sy = image.height - 1 - x;
      } else if (turns == 2) {
        sx = image.width - 1 - x;
        sy = image.height - 1 - y;
      } else if (turns == 3) {
        sx = image.width - 1 - y;
        sy = x;
      }
      if (mirrored) sx = image.width - 1 - sx;
      const size_t from = 3 * (static_cast<size_t>(sy) * static_cast<size_t>(image.width) + static_cast<size_t>(sx));
      const size_t to = 3 * (static_cast<size_t>(y) * static_cast<size_t>(out.width) + static_cast<size_t>(x));
      std::copy_n(image.rgb.begin() + static_cast<std::ptrdiff_t>(from), 3,
                  out.rgb.begin() + static_cast<std::ptrdiff_t>(to));
    }
  }
  return out;
}

std::vector<uint8_t> view_planes(const std::vector<Image>& images, const ImageFormat& format, const Views& views,
                                 int view) {
  const double kept = views.crops[static_cast<size_t>(view) % views.crops.size()];
  const double low = (1 - kept) / 2, high = (1 + kept) / 2;
  const size_t plane_bytes = size_t{3} * static_cast<size_t>(format.size) * static_cast<size_t>(format.size);
  std::vector<uint8_t> planes(images.size() * plane_bytes);
  for (size_t i = 0; i < images.size(); ++i) {
    const Image turned = view == 0 ? Image{} : oriented(images[i], view);
    const Image& image = view == 0 ? images[i] : turned;
    const Box centre{low * image.width, low * image.height, high * image.width, high * image.height};
    to_planes(image, format, planes.data() + i * plane_bytes, kept < 1 ? &centre : nullptr);
  }
  return planes;
}

}  // namespace dermis
