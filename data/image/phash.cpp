#include "data/image/phash.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/io/hash.h"

namespace dermis {
namespace {

constexpr int kSide = 32;
constexpr int kKept = 8;

using Basis = std::array<std::array<double, kSide>, kKept>;

Basis make_basis() {
  Basis basis{};
  for (int k = 0; k < kKept; ++k) {
    const double scale = std::sqrt((k == 0 ? 1.0 : 2.0) / kSide);
    for (int i = 0; i < kSide; ++i) {
      basis[static_cast<size_t>(k)][static_cast<size_t>(i)] =
          scale * std::cos(std::numbers::pi * (i + 0.5) * k / kSide);
    }
  }
  return basis;
}

std::array<double, kKept * kKept> low_frequencies(const Image& small) {
  static const Basis basis = make_basis();
  std::array<std::array<double, kKept>, kSide> rows{};
  for (size_t y = 0; y < kSide; ++y) {
    for (size_t x = 0; x < kSide; ++x) {
      const uint8_t* p = small.rgb.data() + 3 * (y * kSide + x);
      const int grey = (19595 * p[0] + 38470 * p[1] + 7471 * p[2] + 32768) >> 16;
      for (size_t k = 0; k < kKept; ++k) rows[y][k] += grey * basis[k][x];
    }
  }
  std::array<double, kKept * kKept> result{};
  for (size_t v = 0; v < kKept; ++v) {
    for (size_t u = 0; u < kKept; ++u) {
      double sum = 0;
      for (size_t y = 0; y < kSide; ++y) sum += rows[y][u] * basis[v][y];
      result[v * kKept + u] = std::round(sum * 1024) / 1024;  // exact zeros where rounding noise would decide
    }
  }
  return result;
}

}  // namespace

uint64_t perceptual_hash(const Image& image) {
  const auto values = low_frequencies(resize(image, kSide, kSide, ResampleFilter::bilinear));
  auto ordered = values;
  std::sort(ordered.begin(), ordered.end());
  const double middle = (ordered[values.size() / 2 - 1] + ordered[values.size() / 2]) / 2;
  uint64_t hash = 0;
  for (const double value : values) hash = hash << 1 | static_cast<uint64_t>(value > middle);
  return hash;
}

int hamming_distance(uint64_t a, uint64_t b) { return std::popcount(a ^ b); }

std::string phash_text(uint64_t hash) { return to_hex(hash); }

uint64_t phash_value(const std::string& text) {
  uint64_t hash = 0;
  bool valid = text.size() == 16;
  for (const char c : text) {
    const size_t digit = std::string("0123456789abcdef").find(c);
    valid = valid && digit != std::string::npos;
    hash = hash << 4 | (digit & 15);
  }
  if (!valid) {
    throw Error(ErrorKind::data, {.what = "perceptual hash is malformed", .expected = "16 hex digits", .found = text});
  }
  return hash;
}

}  // namespace dermis
