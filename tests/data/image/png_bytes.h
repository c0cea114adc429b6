// PNG files put together byte by byte, for kinds that the encoder does not write.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dermis::testing {

inline std::vector<uint8_t> png_chunk(const std::string& type, const std::vector<uint8_t>& data) {
  uint32_t crc = 0xFFFFFFFF;
  const auto feed = [&crc](uint8_t byte) {
    crc ^= byte;
    for (int k = 0; k < 8; ++k) crc = (crc & 1) != 0 ? 0xEDB88320 ^ crc >> 1 : crc >> 1;
  };
  std::vector<uint8_t> chunk;
  const auto put = [&chunk](uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) chunk.push_back(static_cast<uint8_t>(value >> shift));
  };
  put(static_cast<uint32_t>(data.size()));
  for (const char c : type) feed(static_cast<uint8_t>(c)), chunk.push_back(static_cast<uint8_t>(c));
  for (const uint8_t b : data) feed(b), chunk.push_back(b);
  put(~crc);
  return chunk;
}

// `rows` are raw sample bytes, each row with its filter byte 0 in front; stored without compression.
inline std::vector<uint8_t> png_of(uint8_t width, uint8_t height, uint8_t bits, uint8_t colour_type,
                                   const std::vector<uint8_t>& rows, const std::vector<uint8_t>& palette = {}) {
  std::vector<uint8_t> png{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  const auto add = [&png](const std::string& type, const std::vector<uint8_t>& data) {
    const auto chunk = png_chunk(type, data);
    png.insert(png.end(), chunk.begin(), chunk.end());
  };
  add("IHDR", {0, 0, 0, width, 0, 0, 0, height, bits, colour_type, 0, 0, 0});
  if (!palette.empty()) add("PLTE", palette);
  const auto size = static_cast<uint8_t>(rows.size());
  std::vector<uint8_t> stream{0x78, 0x01, 1, size, 0, static_cast<uint8_t>(~size), 0xFF};  // one stored deflate block
  stream.insert(stream.end(), rows.begin(), rows.end());
  uint32_t a = 1, b = 0;  // Adler-32
  for (const uint8_t byte : rows) a = (a + byte) % 65521, b = (b + a) % 65521;
  for (const uint32_t half : {b, a}) {
    stream.push_back(static_cast<uint8_t>(half >> 8));
    stream.push_back(static_cast<uint8_t>(half));
  }
  add("IDAT", stream);
  add("IEND", {});
  return png;
}

}  // namespace dermis::testing
