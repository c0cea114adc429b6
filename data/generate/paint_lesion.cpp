#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "data/generate/noise.h"
#include "data/generate/outline.h"
#include "data/generate/scene.h"
#include "data/generate/structures.h"
#include "data/generate/tissue.h"

namespace dermis {
namespace {

Tissue covering(unsigned hex, float amount, float melanin = 0, float blood = 0) {
  Tissue tissue;
  tissue.melanin = melanin;
  tissue.blood = blood;
  tissue.add_cover(from_hex(hex), amount);
  return tissue;
}

Tissue zone_tissue(ZoneColour colour) {
  switch (colour) {
    case ZoneColour::light_brown: return {0.95F, 0.2F, {}, 0};
    case ZoneColour::dark_brown: return {2.1F, 0.3F, {}, 0};
    case ZoneColour::black: return {4.4F, 0.2F, {}, 0};
    case ZoneColour::tan: return {0.55F, 0.1F, {}, 0};
    case ZoneColour::red: return {0.1F, 2.1F, {}, 0};
    case ZoneColour::pink: return {0.05F, 0.95F, {}, 0};
    case ZoneColour::white: return covering(0xe6d3cb, 0.6F);
    case ZoneColour::blue_grey: return covering(0x525c74, 0.58F, 1.2F);
    case ZoneColour::yellow: return covering(0xc8a05a, 0.5F, 0.3F);
    case ZoneColour::skin_coloured: return {0.12F, 0.25F, {}, 0};
  }
  return {};
}

// Shares of the lesion's colours at a place. Symmetric lesions have rings, asymmetric ones patches to one side.
class ColourZones {
 public:
  explicit ColourZones(const Lesion& lesion) : lesion_(lesion) {
    for (size_t k = 0; k < lesion.colours.size(); ++k) {
      zones_[k].tissue = zone_tissue(lesion.colours[k]);
      const auto i = static_cast<int>(k);
      const float angle = 2 * std::numbers::pi_v<float> * lattice(lesion.key + 31, i, 1);
      zones_[k].side = {std::cos(angle), std::sin(angle)};
      zones_[k].ring = k == 0 ? 0.5F : lattice(lesion.key + 33, i, 1);
      zones_[k].bias = k == 0 ? 0.5F : 0.12F * lattice(lesion.key + 34, i, 1);
    }
  }

  Tissue at(Point q) const {
    Tissue tissue;
    std::array<float, kMost> weight{};
    float total = 0;
    const float distance = std::sqrt(q.x * q.x + q.y * q.y);
    for (size_t k = 0; k < lesion_.colours.size(); ++k) {
      const Zone& zone = zones_[k];
      const auto key = lesion_.key + 40 + static_cast<uint32_t>(k);
      const float patches = fractal_noise(key, q.x * 1.6F, q.y * 1.6F, 3);
      const float side = q.x * zone.side.x + q.y * zone.side.y;
      const float ring = 0.45F - 1.3F * std::abs(distance - zone.ring);
      const float one_sided = k == 0 ? 0 : 0.8F * side;
      const float level =
          zone.bias + mix(0.35F * patches + (k == 0 ? 0 : ring), 0.85F * patches + one_sided, lesion_.asymmetry);
      weight[k] = std::exp(7 * level);
      total += weight[k];
    }
    for (size_t k = 0; k < lesion_.colours.size(); ++k) tissue.add(zones_[k].tissue, weight[k] / total);
    return tissue;
  }

 private:
  static constexpr size_t kMost = 8;
  struct Zone {
    Tissue tissue;
    Point side;
    float ring = 0, bias = 0;
  };
  const Lesion& lesion_;
  std::array<Zone, kMost> zones_;
};

float elevation_of(Surface surface) {
  switch (surface) {
    case Surface::flat: return 0.05F;
    case Surface::raised: return 0.6F;
    case Surface::scaly: return 0.15F;
    case Surface::waxy: return 0.45F;
    case Surface::pearly: return 0.6F;
    case Surface::crusted: return 0.5F;
  }
  return 0;
}

}  // namespace

void paint_lesion(Canvas& canvas, const Lesion& lesion, const View& view) {
  const Outline outline(lesion, view);
  const ColourZones zones(lesion);
  const float radius_px = canvas.pixels(outline.radius());
  const Structures structures(lesion, outline, canvas, view.modality == Modality::clinical ? 0.45F : 1.0F);
  const float fade = std::max(lesion.softness, 1.2F / radius_px);
  const float elevation = elevation_of(lesion.surface) * radius_px * 0.32F;
  const float reach = 1.9F;
  for (int y = 0; y < canvas.size; ++y) {
    for (int x = 0; x < canvas.size; ++x) {
      const Point p = canvas.place(x, y);
      const Point q = outline.local(p);
      if (q.x * q.x + q.y * q.y > reach * reach) continue;
      float depth = outline.depth(q);
      depth += structures.fingers(q, depth);
      if (depth < -fade) continue;
      const auto index = static_cast<size_t>(y * canvas.size + x);
      const float mask = smoothstep(-fade, fade, depth);
      Tissue tissue;
      tissue.add(zones.at(q), 1);
      const float uneven = fractal_noise(lesion.key + 61, q.x * 5, q.y * 5, 3);
      tissue.melanin *= 1 + 0.32F * uneven;
      tissue.blood *= 1 + 0.25F * uneven;
      float relief = structures.add(tissue, q, depth, index);
      Tissue masked;
      masked.add(tissue, mask);
      canvas.colour[index] = seen(canvas.colour[index], masked);
      const float dome = std::sqrt(std::clamp(depth, 0.0F, 1.0F));
      canvas.height[index] = canvas.height[index] * (1 - 0.6F * mask) + elevation * dome + mask * relief;
    }
  }
}

}  // namespace dermis
