// How often each class shows what, after the textbook descriptions of dermoscopy (pattern analysis, ABCD rule, seven
// points). The distributions overlap on purpose: no single attribute settles a class, and artefacts (hair, rulers, ink)
// do not depend on it at all.
#pragma once

#include <array>

#include "data/generate/lesion.h"

namespace dermis {

struct Range {
  float low, high;
};

struct ClassProfile {
  LesionClass kind;
  Range radius, elongation, asymmetry, irregularity, softness;
  // Share of lesions whose outline and symmetry are drawn as the opposite of typical.
  float atypical_share;
  // By ZoneColour: weight to be the base colour, and chance to appear besides it.
  std::array<float, 10> base_colour, other_colour;
  int most_colours;
  // By Surface.
  std::array<float, 6> surface;
  float network, atypical_network, globules, dots, streaks, milia, comedo, vessels, scale, ulceration, white_centre,
      veil, regression;
  // Age in years: mean and spread.
  float age, age_spread;
};

const ClassProfile& profile_of(LesionClass kind);

}  // namespace dermis
