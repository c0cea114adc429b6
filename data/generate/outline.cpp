#include "data/generate/outline.h"

#include <cmath>
#include <numbers>

#include "data/generate/noise.h"

namespace dermis {
namespace {

constexpr float kPi = std::numbers::pi_v<float>;

}  // namespace

Outline::Outline(const Lesion& lesion, const View& view)
    : lesion_(lesion),
      centre_(view.centre),
      radius_(lesion.radius * view.zoom),
      cosine_(std::cos(lesion.angle + view.rotation)),
      sine_(std::sin(lesion.angle + view.rotation)),
      stretch_(std::sqrt(lesion.elongation)),
      mirror_(view.mirrored ? -1.0F : 1.0F) {
  for (int i = 0; i <= kSteps; ++i) {
    const float angle = 2 * kPi * static_cast<float>(i % kSteps) / kSteps;
    float r = 1;
    for (int k = 2; k <= 11; ++k) {
      const float amplitude = lattice(lesion.key + 5, k, 0);
      const float phase = 2 * kPi * lattice(lesion.key + 6, k, 0);
      const float lobes = k <= 3 ? 0.22F * lesion.asymmetry : 0;
      const float notches = 0.26F * lesion.irregularity / std::sqrt(static_cast<float>(k));
      r += (0.015F + lobes * 0.7F + notches * 0.6F) * (amplitude * 1.2F - 0.1F) *
           std::cos(static_cast<float>(k) * angle + phase);
    }
    border_[static_cast<size_t>(i)] = std::max(0.35F, r);
  }
}

Point Outline::local(Point p) const {
  const float x = (p.x - centre_.x) * mirror_ / radius_;
  const float y = (p.y - centre_.y) / radius_;
  return {(x * cosine_ + y * sine_) / stretch_, (-x * sine_ + y * cosine_) * stretch_};
}

Point Outline::global(Point q) const {
  const float x = q.x * stretch_;
  const float y = q.y / stretch_;
  return {centre_.x + radius_ * (x * cosine_ - y * sine_) * mirror_, centre_.y + radius_ * (x * sine_ + y * cosine_)};
}

float Outline::depth(Point q) const {
  const float distance = std::sqrt(q.x * q.x + q.y * q.y);
  const float turn = std::atan2(q.y, q.x) / (2 * kPi);
  const float at = (turn < 0 ? turn + 1 : turn) * kSteps;
  const int step = std::min(static_cast<int>(at), kSteps - 1);
  const auto index = static_cast<size_t>(step);
  const float border = mix(border_[index], border_[index + 1], at - static_cast<float>(step));
  const float ragged =
      (0.02F + 0.12F * lesion_.irregularity) * fractal_noise(lesion_.key + 7, q.x * 4.5F, q.y * 4.5F, 3);
  return border - distance + ragged;
}

float Outline::angle_noise(float angle, float frequency, uint32_t key) const {
  const float r = frequency / (2 * kPi);
  return noise(lesion_.key + key, r * std::cos(angle), r * std::sin(angle));
}

}  // namespace dermis
