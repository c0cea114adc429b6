// The two practice sites: who comes, with which lesions, photographed how. A model trained on one meets other light,
// another camera and another class mix on the other.
#pragma once

#include <array>

#include "data/generate/scene.h"

namespace dermis {

enum class Site { a, b };
template <>
struct EnumTraits<Site> {
  static constexpr EnumNames<Site, 2> kNames{{{Site::a, "a"}, {Site::b, "b"}}};
};

struct SiteProfile {
  std::array<float, 6> class_mix;  // by LesionClass
  std::array<float, 10> monk_mix;  // by tone
  double dermoscopic_share;
  Colour lamp;  // gains of a typical picture
  double exposure, exposure_spread;
  double black_field, ruler, bar_ruler, ink, disc, hair;  // chances
  double blur, grain;
  int jpeg_low, jpeg_high;
};

const SiteProfile& profile_of(Site site);

// One picture's circumstances. `dermoscopic` decides the modality.
View draw_view(const SiteProfile& site, Modality modality, const Lesion& lesion, int monk, bool hairy, Random& random);
Skin draw_skin(const SiteProfile& site, double age, Random& random);

// even | uneven | dim | bright, as a person would call the picture's light
const char* lighting_of(const Camera& camera, const SiteProfile& site);

}  // namespace dermis
