// Skin colours of the practice images.
#pragma once

#include <array>

namespace dermis {

struct Colour {  // sRGB, 0..1
  float r = 0;
  float g = 0;
  float b = 0;
};

constexpr Colour from_hex(unsigned hex) {
  return {static_cast<float>(hex >> 16 & 255) / 255.0F, static_cast<float>(hex >> 8 & 255) / 255.0F,
          static_cast<float>(hex & 255) / 255.0F};
}

// Monk Skin Tone Scale (Ellis Monk; published with hex values by Google, 2022, skintone.google), tones 1 to 10.
inline constexpr std::array<Colour, 10> kMonkTones{
    from_hex(0xf6ede4), from_hex(0xf3e7db), from_hex(0xf7ead0), from_hex(0xeadaba), from_hex(0xd7bd96),
    from_hex(0xa07e56), from_hex(0x825c43), from_hex(0x604134), from_hex(0x3a312a), from_hex(0x292420)};

}  // namespace dermis
