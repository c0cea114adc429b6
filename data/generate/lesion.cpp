#include "data/generate/lesion.h"

#include <algorithm>
#include <numbers>

#include "data/generate/class_profile.h"

namespace dermis {
namespace {

float draw(const Range& range, Random& random) { return static_cast<float>(random.uniform(range.low, range.high)); }

// 0 with probability 1 - chance, else a strength that can be seen.
float draw_strength(float chance, Random& random) {
  const bool present = random.chance(chance);
  const double strength = random.uniform(0.55, 1.0);  // drawn either way: later draws do not shift
  return present ? static_cast<float>(strength) : 0.0F;
}

template <size_t N>
size_t draw_weighted(const std::array<float, N>& weights, Random& random) {
  float total = 0;
  for (const float weight : weights) total += weight;
  double at = random.uniform() * total;
  for (size_t i = 0; i < N; ++i) {
    at -= weights[i];
    if (at < 0) return i;
  }
  return N - 1;
}

std::vector<ZoneColour> draw_colours(const ClassProfile& profile, Random& random) {
  std::vector<ZoneColour> colours{static_cast<ZoneColour>(draw_weighted(profile.base_colour, random))};
  std::vector<ZoneColour> others;
  for (size_t i = 0; i < profile.other_colour.size(); ++i) {
    if (random.chance(profile.other_colour[i])) others.push_back(static_cast<ZoneColour>(i));
  }
  random.shuffle(others);
  for (const ZoneColour colour : others) {
    if (colour != colours.front() && static_cast<int>(colours.size()) < profile.most_colours) colours.push_back(colour);
  }
  return colours;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

void draw_structures(Lesion& lesion, const ClassProfile& profile, Random& random) {
  lesion.network_atypical = random.chance(profile.atypical_network);
  lesion.network = draw_strength(lesion.network_atypical ? 1.0F : profile.network, random);
  lesion.globules = draw_strength(profile.globules, random);
  lesion.dots = draw_strength(profile.dots, random);
  lesion.streaks = draw_strength(profile.streaks, random);
  lesion.milia_like_cysts = draw_strength(profile.milia, random);
  lesion.comedo_like_openings = draw_strength(profile.comedo, random);
  lesion.branching_vessels = draw_strength(profile.vessels, random);
  lesion.scale = draw_strength(lesion.surface == Surface::scaly ? 1.0F : profile.scale, random);
  lesion.ulceration = draw_strength(profile.ulceration, random);
  lesion.white_centre = draw_strength(profile.white_centre, random);
  lesion.blue_white_veil = draw_strength(profile.veil, random);
  lesion.regression = draw_strength(profile.regression, random);
}

}  // namespace

std::string Lesion::shape() const {
  if (irregularity > 0.5F) return "irregular";
  return elongation > 1.22F ? "oval" : "round";
}

std::string Lesion::border() const {
  if (softness > 0.28F) return "blurred";
  if (irregularity > 0.42F) return "irregular";
  return softness < 0.075F ? "sharp" : "smooth";
}

std::string Lesion::size(float zoom) const {
  return radius * zoom < 0.24F ? "small" : radius * zoom < 0.44F ? "medium" : "large";
}

std::string Lesion::colour_list() const {
  std::vector<std::string> names;
  for (const ZoneColour colour : colours) names.emplace_back(name_of_enum(colour));
  return joined(names);
}

std::string Lesion::structure_list() const {
  std::vector<std::string> names;
  const auto add = [&names](float strength, const char* name) {
    if (strength > 0) names.emplace_back(name);
  };
  add(network, network_atypical ? "atypical network" : "pigment network");
  add(globules, "globules");
  add(dots, "dots");
  add(streaks, "streaks");
  add(milia_like_cysts, "milia-like cysts");
  add(comedo_like_openings, "comedo-like openings");
  add(branching_vessels, "branching vessels");
  add(scale, "scale");
  add(ulceration, "ulceration");
  add(white_centre, "white centre");
  add(blue_white_veil, "blue-white veil");
  add(regression, "regression");
  if (names.empty()) names.emplace_back("structureless");
  return joined(names);
}

Lesion draw_lesion(LesionClass kind, Random& random) {
  const ClassProfile& profile = profile_of(kind);
  Lesion lesion;
  lesion.kind = kind;
  lesion.key = random.bits();
  lesion.radius = draw(profile.radius, random);
  lesion.elongation = draw(profile.elongation, random);
  lesion.angle = static_cast<float>(random.uniform(0, std::numbers::pi));
  lesion.asymmetry = draw(profile.asymmetry, random);
  lesion.irregularity = draw(profile.irregularity, random);
  lesion.softness = draw(profile.softness, random);
  if (random.chance(profile.atypical_share)) {
    lesion.asymmetry = 1 - lesion.asymmetry;
    lesion.irregularity = 1 - lesion.irregularity;
  }
  lesion.colours = draw_colours(profile, random);
  lesion.surface = static_cast<Surface>(draw_weighted(profile.surface, random));
  draw_structures(lesion, profile, random);
  // A veil and a regression are seen by their colours.
  const auto has = [&](ZoneColour colour) {
    return std::find(lesion.colours.begin(), lesion.colours.end(), colour) != lesion.colours.end();
  };
  if (lesion.blue_white_veil > 0 && !has(ZoneColour::blue_grey)) lesion.colours.push_back(ZoneColour::blue_grey);
  if (lesion.regression > 0 && !has(ZoneColour::white)) lesion.colours.push_back(ZoneColour::white);
  return lesion;
}

}  // namespace dermis
