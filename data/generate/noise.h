// Textures as pure functions of a key and a place.
#pragma once

#include <cmath>
#include <cstdint>

namespace dermis {

inline uint32_t mix_bits(uint32_t h) {
  h ^= h >> 15;
  h *= 0x2c1b3c6dU;
  h ^= h >> 12;
  h *= 0x297a2d39U;
  return h ^ h >> 15;
}

inline float lattice(uint32_t key, int x, int y) {  // [0, 1)
  const uint32_t h = mix_bits(static_cast<uint32_t>(x) * 0x8da6b343U ^ static_cast<uint32_t>(y) * 0xd8163841U ^ key);
  return static_cast<float>(h >> 8) * 0x1p-24F;
}

inline int floor_int(float x) {
  const int i = static_cast<int>(x);
  return i - (static_cast<float>(i) > x ? 1 : 0);
}

inline float smoothstep(float low, float high, float x) {
  const float t = (x - low) / (high - low);
  if (t <= 0) return 0;
  if (t >= 1) return 1;
  return t * t * (3 - 2 * t);
}

inline float mix(float a, float b, float t) { return a + (b - a) * t; }

// Smooth noise in [-1, 1] with features of size about 1.
inline float noise(uint32_t key, float x, float y) {
  const int xi = floor_int(x);
  const int yi = floor_int(y);
  float fx = x - static_cast<float>(xi);
  float fy = y - static_cast<float>(yi);
  fx = fx * fx * (3 - 2 * fx);
  fy = fy * fy * (3 - 2 * fy);
  const float top = mix(lattice(key, xi, yi), lattice(key, xi + 1, yi), fx);
  const float bottom = mix(lattice(key, xi, yi + 1), lattice(key, xi + 1, yi + 1), fx);
  return 2 * mix(top, bottom, fy) - 1;
}

// Sum of `octaves` halving noises, about [-1, 1].
inline float fractal_noise(uint32_t key, float x, float y, int octaves) {
  float sum = 0;
  float scale = 0.6F;
  for (int i = 0; i < octaves; ++i) {
    sum += scale * noise(key + static_cast<uint32_t>(i) * 0x9e3779b9U, x, y);
    x = 2 * x + 17.3F;
    y = 2 * y - 9.1F;
    scale *= 0.5F;
  }
  return sum;
}

struct Cell {
  float nearest = 0;  // distance to the nearest point of a jittered unit grid
  float second = 0;   // to the one after; second - nearest is small on the edges between cells
  uint32_t id = 0;    // of the nearest point, well mixed
};

inline Cell cellular(uint32_t key, float x, float y, float jitter = 0.9F) {
  const int xi = floor_int(x);
  const int yi = floor_int(y);
  Cell cell{9, 9, 0};
  for (int dy = -1; dy <= 1; ++dy) {
    for (int dx = -1; dx <= 1; ++dx) {
      const uint32_t h =
          mix_bits(static_cast<uint32_t>(xi + dx) * 0x8da6b343U ^ static_cast<uint32_t>(yi + dy) * 0xd8163841U ^ key);
      const float px = static_cast<float>(xi + dx) + 0.5F + jitter * (static_cast<float>(h & 0xFFFF) * 0x1p-16F - 0.5F);
      const float py = static_cast<float>(yi + dy) + 0.5F + jitter * (static_cast<float>(h >> 16) * 0x1p-16F - 0.5F);
      const float distance = (px - x) * (px - x) + (py - y) * (py - y);
      if (distance < cell.nearest) {
        cell.second = cell.nearest;
        cell.nearest = distance;
        cell.id = mix_bits(h + 1);
      } else if (distance < cell.second) {
        cell.second = distance;
      }
    }
  }
  cell.nearest = std::sqrt(cell.nearest);
  cell.second = std::sqrt(cell.second);
  return cell;
}

}  // namespace dermis
