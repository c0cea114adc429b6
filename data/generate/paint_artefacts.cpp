#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/generate/noise.h"
#include "data/generate/scene.h"

namespace dermis {
namespace {

constexpr float kPi = std::numbers::pi_v<float>;

float between(Random& random, double low, double high) { return static_cast<float>(random.uniform(low, high)); }

Point along(Point from, float angle, float length) {
  return {from.x + length * std::cos(angle), from.y + length * std::sin(angle)};
}

void blend(Canvas& canvas, const StrokeMask& mask, Colour colour, float opacity) {
  for (size_t i = 0; i < canvas.colour.size(); ++i) {
    const float amount = mask.at(i) * opacity;
    if (amount <= 0) continue;
    Colour& c = canvas.colour[i];
    c = {mix(c.r, colour.r, amount), mix(c.g, colour.g, amount), mix(c.b, colour.b, amount)};
  }
}

void paint_hair(Canvas& canvas, const Hair& hair, Random& random) {
  if (hair.count == 0) return;
  StrokeMask mask(canvas.size);
  constexpr int kSegments = 9;
  for (int i = 0; i < hair.count; ++i) {
    Point at{between(random, -1.2, 1.2), between(random, -1.2, 1.2)};
    float angle = hair.direction + between(random, -0.55, 0.55);
    const float length = between(random, 0.4, 1.7);
    const float bend = between(random, -0.9, 0.9) / kSegments;
    const float width = canvas.pixels(hair.width) * between(random, 0.6, 1.25);
    for (int s = 0; s < kSegments; ++s) {
      angle += bend;
      const Point next = along(at, angle, length / kSegments);
      mask.line(at, next, width * (s + 2 < kSegments ? 1.0F : 0.6F));
      at = next;
    }
  }
  blend(canvas, mask, hair.colour, 0.88F);
}

void paint_ruler(Canvas& canvas, Random& random) {
  StrokeMask mask(canvas.size);
  const bool bottom = random.chance(0.75);
  const Point start{between(random, -0.75, -0.3), bottom ? between(random, 0.55, 0.85) : between(random, -0.85, -0.6)};
  const float angle = between(random, -0.3, 0.3);
  const float length = between(random, 0.7, 1.2);
  const float width = canvas.pixels(0.014F);
  mask.line(start, along(start, angle, length), width);
  constexpr int kTicks = 10;
  for (int tick = 0; tick <= kTicks; ++tick) {
    const Point foot = along(start, angle, length * static_cast<float>(tick) / kTicks);
    mask.line(foot, along(foot, angle - kPi / 2, tick % 5 == 0 ? 0.075F : 0.04F), width * 0.9F);
  }
  // The unit below the scale, too small to read.
  for (int stroke = 0; stroke < 4; ++stroke) {
    const Point foot = along(along(start, angle + kPi / 2, 0.07F), angle, 0.025F * static_cast<float>(stroke));
    mask.line(foot, along(foot, angle - kPi / 2, 0.035F), width * 0.8F);
  }
  blend(canvas, mask, from_hex(0x20202a), 0.85F);
}

void paint_bars(Canvas& canvas, Random& random) {
  const float depth = between(random, 0.08, 0.14);
  const float period = between(random, 0.1, 0.16);
  const bool top = random.chance(0.3);
  for (int y = 0; y < canvas.size; ++y) {
    for (int x = 0; x < canvas.size; ++x) {
      const Point p = canvas.place(x, y);
      if ((top ? -p.y : p.y) < 1 - depth) continue;
      const float phase = p.x / period;
      const bool dark = phase - std::floor(phase) < 0.4F;
      canvas.colour[static_cast<size_t>(y * canvas.size + x)] = dark ? from_hex(0x141416) : from_hex(0xe9e8e6);
    }
  }
}

void paint_ink(Canvas& canvas, const Lesion& lesion, const View& view, Random& random) {
  StrokeMask mask(canvas.size);
  const float radius = lesion.radius * view.zoom;
  const float width = canvas.pixels(between(random, 0.025, 0.05));
  if (view.artefacts.ink_ring) {
    const float start = between(random, 0, 2 * kPi);
    const float span = between(random, 1.2, 2.1) * kPi;
    const float ring = radius * between(random, 1.45, 1.8);
    const float squash = between(random, 0.8, 1.2);
    constexpr int kSteps = 40;
    Point last{};
    for (int i = 0; i <= kSteps; ++i) {
      const float angle = start + span * static_cast<float>(i) / kSteps;
      const float r = ring * (1 + 0.07F * noise(view.key + 5, static_cast<float>(i) * 0.35F, 0));
      const Point at{view.centre.x + r * squash * std::cos(angle), view.centre.y + r / squash * std::sin(angle)};
      if (i > 0) mask.line(last, at, width, between(random, 0.6, 1.0));
      last = at;
    }
  } else {
    const auto spots = static_cast<int>(2 + random.below(3));
    for (int i = 0; i < spots; ++i) {
      const Point at = along(view.centre, between(random, 0, 2 * kPi), radius * 1.2F + between(random, 0.1, 0.3));
      for (int scribble = 0; scribble < 4; ++scribble) {
        const Point from = along(at, between(random, 0, 2 * kPi), 0.03F);
        mask.line(from, along(from, between(random, 0, 2 * kPi), between(random, 0.03, 0.09)), width,
                  between(random, 0.6, 1.0));
      }
    }
  }
  blend(canvas, mask, random.chance(0.75) ? from_hex(0x4a3780) : from_hex(0x28508c), 0.78F);
}

void paint_disc(Canvas& canvas, Random& random) {
  constexpr unsigned kDyes[] = {0xd98a1e, 0x2e7d4f, 0x2a5db0, 0xc23b3b, 0xe3c52f, 0x8a4fa0};
  const Colour dye = from_hex(kDyes[random.below(std::size(kDyes))]);
  const float angle = static_cast<float>(random.below(4)) * kPi / 2 + between(random, -0.5, 0.5);
  const Point centre = along({}, angle, between(random, 1.15, 1.4));
  const float radius = between(random, 0.35, 0.55);
  const auto key = random.bits();
  const float edge = 2.0F / static_cast<float>(canvas.size);
  for (int y = 0; y < canvas.size; ++y) {
    for (int x = 0; x < canvas.size; ++x) {
      const Point p = canvas.place(x, y);
      const float distance = std::hypot(p.x - centre.x, p.y - centre.y);
      const float amount = smoothstep(edge, -edge, distance - radius);
      if (amount <= 0) continue;
      const float weave = 1 + 0.05F * noise(key, p.x * 40, p.y * 40);
      Colour& c = canvas.colour[static_cast<size_t>(y * canvas.size + x)];
      c = {mix(c.r, dye.r * weave, amount), mix(c.g, dye.g * weave, amount), mix(c.b, dye.b * weave, amount)};
      float& height = canvas.height[static_cast<size_t>(y * canvas.size + x)];
      height *= 1 - amount;
    }
  }
}

void paint_bubbles(Canvas& canvas, int count, Random& random) {
  for (int i = 0; i < count; ++i) {
    const Point centre{between(random, -0.95, 0.95), between(random, -0.95, 0.95)};
    const float radius = between(random, 0.03, 0.1);
    const float width = std::max(0.012F, 1.2F / canvas.pixels(1));
    const int reach = static_cast<int>(canvas.pixels(radius + 2 * width)) + 1;
    const int cx = static_cast<int>(canvas.pixels(centre.x + 1));
    const int cy = static_cast<int>(canvas.pixels(centre.y + 1));
    for (int y = std::max(0, cy - reach); y <= std::min(canvas.size - 1, cy + reach); ++y) {
      for (int x = std::max(0, cx - reach); x <= std::min(canvas.size - 1, cx + reach); ++x) {
        const Point p = canvas.place(x, y);
        const float distance = std::hypot(p.x - centre.x, p.y - centre.y);
        const float ring = 1 - smoothstep(0.0F, width, std::abs(distance - radius));
        const float lit = 0.35F + 0.3F * ((centre.y - p.y) - (p.x - centre.x)) / radius;
        Colour& c = canvas.colour[static_cast<size_t>(y * canvas.size + x)];
        const float amount = std::clamp(ring * lit, 0.0F, 0.8F);
        c = {mix(c.r, 1, amount), mix(c.g, 1, amount), mix(c.b, 1, amount)};
      }
    }
  }
}

}  // namespace

void paint_artefacts(Canvas& canvas, const Lesion& lesion, const View& view) {
  Random random(view.key, RandomPurpose::practice_image, 3);
  const Artefacts& a = view.artefacts;
  if (a.ink) paint_ink(canvas, lesion, view, random);
  paint_hair(canvas, a.hair, random);
  if (a.ruler) paint_ruler(canvas, random);
  if (a.disc) paint_disc(canvas, random);
  if (a.bar_ruler) paint_bars(canvas, random);
  paint_bubbles(canvas, a.bubbles, random);
}

}  // namespace dermis
