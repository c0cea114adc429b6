// Picture files as shards hold them: jpg or png, pixels untouched, metadata gone (camera, place and time can name a
// patient). Orientation alone is kept, since it belongs to the pixels.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dermis {

struct PictureBytes {
  std::string extension;  // "jpg" | "png"
  std::vector<uint8_t> bytes;
  int width = 0, height = 0;  // upright
};

// JPEG and PNG lose their metadata segments and keep their compressed pixels; other formats become PNG. With `max_side`
// above 0 a picture whose longer side is longer is decoded, shrunk (bicubic, aspect kept to the nearest pixel) and
// written anew: JPEG with quality 95 from JPEG, else PNG. `width` and `height` are the picture's, upright. Error(data)
// names `name`.
PictureBytes picture_for_shard(std::span<const uint8_t> file, const std::string& name, int width, int height,
                               int max_side);

// The lossless part, for JPEG and PNG alone.
std::vector<uint8_t> jpeg_without_metadata(std::span<const uint8_t> file, const std::string& name);
std::vector<uint8_t> png_without_metadata(std::span<const uint8_t> file, const std::string& name);

}  // namespace dermis
