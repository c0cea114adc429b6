// Skin as a filter for light: pigment and blood absorb, scar, scale and crust cover.
#pragma once

#include <cmath>

#include "data/generate/palette.h"

namespace dermis {

// Absorption per unit of melanin and of blood, from the colour ratios of lesion to surrounding skin in dermoscopic
// pictures: 1 unit of melanin is light brown on light skin, 2.4 dark brown, 5 black; 1 unit of blood is pink, 2.5 red.
inline constexpr Colour kMelanin{0.25F, 0.50F, 0.64F};
inline constexpr Colour kBlood{0.05F, 0.36F, 0.30F};

struct Tissue {
  float melanin = 0;
  float blood = 0;
  Colour cover;  // sum of covering colours times their amounts
  float covered = 0;

  void add_cover(Colour colour, float amount) {
    cover.r += colour.r * amount;
    cover.g += colour.g * amount;
    cover.b += colour.b * amount;
    covered += amount;
  }
  void add(const Tissue& other, float share) {
    melanin += other.melanin * share;
    blood += other.blood * share;
    cover.r += other.cover.r * share;
    cover.g += other.cover.g * share;
    cover.b += other.cover.b * share;
    covered += other.covered * share;
  }
};

// exp(-x) for x in 0..15 within 0.3 %.
inline float transmitted(float x) {
  float t = 1 - x * (1.0F / 64);
  if (t < 0) return 0;
  t += x * x * (0.5F / (64 * 64));
  t *= t;
  t *= t;
  t *= t;
  t *= t;
  t *= t;
  return t * t;
}

// `skin` seen through the tissue.
inline Colour seen(Colour skin, const Tissue& tissue) {
  const float melanin = tissue.melanin < 0 ? 0 : tissue.melanin;
  const float blood = tissue.blood < 0 ? 0 : tissue.blood;
  Colour c{skin.r * transmitted(melanin * kMelanin.r + blood * kBlood.r),
           skin.g * transmitted(melanin * kMelanin.g + blood * kBlood.g),
           skin.b * transmitted(melanin * kMelanin.b + blood * kBlood.b)};
  if (tissue.covered > 1e-4F) {
    const float amount = tissue.covered > 0.92F ? 0.92F : tissue.covered;
    const float lit = (0.45F + 0.55F * skin.g) / tissue.covered;  // what covers dark skin is darker too
    c.r += (tissue.cover.r * lit - c.r) * amount;
    c.g += (tissue.cover.g * lit - c.g) * amount;
    c.b += (tissue.cover.b * lit - c.b) * amount;
  }
  return c;
}

}  // namespace dermis
