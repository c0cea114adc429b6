#include "data/generate/site.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace dermis {
namespace {

constexpr double kPi = std::numbers::pi;

constexpr std::array<SiteProfile, 2> kSites{
    SiteProfile{.class_mix = {0.2F, 0.27F, 0.16F, 0.15F, 0.12F, 0.1F},
                .monk_mix = {0.1F, 0.22F, 0.22F, 0.17F, 0.11F, 0.07F, 0.05F, 0.03F, 0.02F, 0.01F},
                .dermoscopic_share = 0.65,
                .lamp = {0.89F, 0.92F, 0.97F},
                .exposure = 1.0,
                .exposure_spread = 0.12,
                .black_field = 0.08,
                .ruler = 0.25,
                .bar_ruler = 0.04,
                .ink = 0.1,
                .disc = 0.05,
                .hair = 0.38,
                .blur = 0.45,
                .grain = 0.012,
                .jpeg_low = 82,
                .jpeg_high = 96},
    SiteProfile{.class_mix = {0.12F, 0.42F, 0.18F, 0.14F, 0.08F, 0.06F},
                .monk_mix = {0.04F, 0.1F, 0.15F, 0.17F, 0.17F, 0.13F, 0.1F, 0.07F, 0.05F, 0.02F},
                .dermoscopic_share = 0.65,
                .lamp = {0.95F, 0.86F, 0.82F},
                .exposure = 0.88,
                .exposure_spread = 0.16,
                .black_field = 0.03,
                .ruler = 0.08,
                .bar_ruler = 0.02,
                .ink = 0.18,
                .disc = 0.02,
                .hair = 0.45,
                .blur = 0.7,
                .grain = 0.02,
                .jpeg_low = 65,
                .jpeg_high = 90}};

float between(Random& random, double low, double high) { return static_cast<float>(random.uniform(low, high)); }

Camera draw_camera(const SiteProfile& site, bool dermoscopic, Random& random) {
  Camera camera;
  camera.exposure = static_cast<float>(site.exposure + site.exposure_spread * std::clamp(random.normal(), -1.8, 1.8));
  const float warmth = static_cast<float>(0.045 * random.normal());
  const float tint = static_cast<float>(0.035 * random.normal());
  camera.white = {site.lamp.r * (1 + warmth), site.lamp.g * (1 + tint), site.lamp.b * (1 - 1.6F * warmth)};
  if (!dermoscopic) {  // room light instead of the ring of lamps
    camera.white.g *= 0.97F;
    camera.white.b *= 0.93F;
  }
  camera.gradient = between(random, 0, dermoscopic ? 0.12 : 0.3);
  camera.gradient_angle = between(random, 0, 2 * kPi);
  camera.vignette = dermoscopic ? between(random, 0, 0.09) : between(random, 0, 0.03);
  const bool round = dermoscopic && random.chance(site.black_field);
  camera.field = between(random, 0.92, 1.32);
  if (!round) camera.field = 2;
  camera.relief_light = dermoscopic ? between(random, 0.25, 0.6) : between(random, 0.8, 1.5);
  camera.gloss = dermoscopic ? between(random, 0, 0.12) : between(random, 0, 0.25);
  camera.blur = static_cast<float>(site.blur) * between(random, 0.4, dermoscopic ? 1.6 : 2.2);
  camera.grain = static_cast<float>(site.grain) * between(random, 0.4, 1.6);
  camera.contrast = between(random, 0.94, 1.14);
  camera.jpeg_quality =
      site.jpeg_low + static_cast<int>(random.below(static_cast<uint64_t>(site.jpeg_high - site.jpeg_low + 1)));
  return camera;
}

Hair draw_hair(bool hairy, double chance, Random& random) {
  Hair hair;
  const bool present = hairy && random.chance(2 * chance);
  const bool dense = random.chance(0.25);
  const auto count = static_cast<int>(dense ? 12 + random.below(18) : 3 + random.below(8));
  hair.count = present ? count : 0;
  hair.width = between(random, 0.008, 0.02);
  hair.direction = between(random, 0, kPi);
  constexpr unsigned kShades[] = {0x1a1512, 0x2b2019, 0x3d2c20, 0x6b5038, 0xa08a6a, 0xd8d2c8};
  hair.colour = from_hex(kShades[random.below(6)]);
  return hair;
}

}  // namespace

const SiteProfile& profile_of(Site site) { return kSites[static_cast<size_t>(site)]; }

Skin draw_skin(const SiteProfile& site, double age, Random& random) {
  Skin skin;
  skin.key = random.bits();
  double at = random.uniform();
  for (int tone = 1; tone <= 10; ++tone) {
    skin.monk = tone;
    at -= site.monk_mix[static_cast<size_t>(tone - 1)];
    if (at < 0) break;
  }
  skin.blood = between(random, 0.08, 0.6);
  skin.relief = between(random, 0.15, 0.55) + static_cast<float>(std::clamp((age - 40) / 100, 0.0, 0.4));
  skin.mottle = between(random, 0.2, 1.0);
  skin.freckles = random.chance(0.25) ? between(random, 0.03, 0.22) : 0.0F;
  return skin;
}

View draw_view(const SiteProfile& site, Modality modality, const Lesion& lesion, int monk, bool hairy, Random& random) {
  View view;
  const bool dermoscopic = modality == Modality::dermoscopic;
  view.modality = modality;
  view.key = random.bits();
  view.zoom = dermoscopic ? between(random, 0.85, 1.15) : between(random, 0.55, 1.05);
  const float room = std::max(0.05F, 0.75F - lesion.radius * view.zoom);
  view.centre = {room * between(random, -0.3, 0.3), room * between(random, -0.3, 0.3)};
  view.rotation = between(random, 0, 2 * kPi);
  view.mirrored = false;
  Artefacts& a = view.artefacts;
  a.hair = draw_hair(hairy, site.hair, random);
  a.ruler = random.chance(dermoscopic ? site.ruler : site.ruler / 4);
  a.bar_ruler = random.chance(dermoscopic ? site.bar_ruler : 0);
  a.ink = random.chance(dermoscopic ? site.ink / 2 : site.ink);
  a.ink_ring = random.chance(dermoscopic ? 0.2 : 0.8);
  a.disc = random.chance(dermoscopic ? site.disc : 0);
  const bool wet = random.chance(dermoscopic ? 0.12 : 0);
  const auto bubbles = static_cast<int>(1 + random.below(5));
  a.bubbles = wet ? bubbles : 0;
  view.camera = draw_camera(site, dermoscopic, random);
  // Automatic exposure makes up for a part of a dark skin's missing light.
  const Colour& tone = kMonkTones[static_cast<size_t>(monk - 1)];
  view.camera.gain = std::pow(0.88F / (0.3F * tone.r + 0.6F * tone.g + 0.1F * tone.b), 0.4F);
  return view;
}

const char* lighting_of(const Camera& camera, const SiteProfile& site) {
  if (camera.exposure < site.exposure - 1.2 * site.exposure_spread) return "dim";
  if (camera.exposure > site.exposure + 1.2 * site.exposure_spread) return "bright";
  return camera.gradient > 0.17F || camera.vignette > 0.075F ? "uneven" : "even";
}

}  // namespace dermis
