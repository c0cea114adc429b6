// What a practice lesion is, before any picture of it: the attributes that dermatologists name, as numbers to draw by.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "core/enum_traits.h"
#include "core/random.h"

namespace dermis {

enum class LesionClass {
  melanoma,
  nevus,
  seborrheic_keratosis,
  basal_cell_carcinoma,
  actinic_keratosis,
  squamous_cell_carcinoma
};
template <>
struct EnumTraits<LesionClass> {  // ids of the dermatology field pack's taxonomy
  static constexpr EnumNames<LesionClass, 6> kNames{
      {{LesionClass::melanoma, "melanoma"},
       {LesionClass::nevus, "nevus"},
       {LesionClass::seborrheic_keratosis, "seborrheic_keratosis"},
       {LesionClass::basal_cell_carcinoma, "basal_cell_carcinoma"},
       {LesionClass::actinic_keratosis, "actinic_keratosis"},
       {LesionClass::squamous_cell_carcinoma, "squamous_cell_carcinoma"}}};
};

enum class ZoneColour { light_brown, dark_brown, black, tan, red, pink, white, blue_grey, yellow, skin_coloured };
template <>
struct EnumTraits<ZoneColour> {  // values of the field pack's attribute "colours"
  static constexpr EnumNames<ZoneColour, 10> kNames{{{ZoneColour::light_brown, "light brown"},
                                                     {ZoneColour::dark_brown, "dark brown"},
                                                     {ZoneColour::black, "black"},
                                                     {ZoneColour::tan, "tan"},
                                                     {ZoneColour::red, "red"},
                                                     {ZoneColour::pink, "pink"},
                                                     {ZoneColour::white, "white"},
                                                     {ZoneColour::blue_grey, "blue-grey"},
                                                     {ZoneColour::yellow, "yellow"},
                                                     {ZoneColour::skin_coloured, "skin-coloured"}}};
};

enum class Surface { flat, raised, scaly, waxy, pearly, crusted };
template <>
struct EnumTraits<Surface> {
  static constexpr EnumNames<Surface, 6> kNames{{{Surface::flat, "flat"},
                                                 {Surface::raised, "raised"},
                                                 {Surface::scaly, "scaly"},
                                                 {Surface::waxy, "waxy"},
                                                 {Surface::pearly, "pearly"},
                                                 {Surface::crusted, "crusted"}}};
};

// Lengths are in half picture widths, shares in 0..1.
struct Lesion {
  LesionClass kind = LesionClass::nevus;
  uint32_t key = 0;  // of all textures
  float radius = 0.3F;
  float elongation = 1;             // longer axis by shorter
  float angle = 0;                  // of the longer axis
  float asymmetry = 0;              // of outline and colours
  float irregularity = 0;           // notches of the border
  float softness = 0.1F;            // width over which the border fades, by the radius
  std::vector<ZoneColour> colours;  // the first is the base
  Surface surface = Surface::flat;
  // Strength of each structure; 0 is absent.
  float network = 0;
  bool network_atypical = false;
  float globules = 0;
  float dots = 0;
  float streaks = 0;
  float milia_like_cysts = 0;
  float comedo_like_openings = 0;
  float branching_vessels = 0;
  float scale = 0;
  float ulceration = 0;
  float white_centre = 0;
  float blue_white_veil = 0;
  float regression = 0;

  bool asymmetric() const { return asymmetry > 0.42F; }
  std::string shape() const;           // round | oval | irregular
  std::string border() const;          // smooth | irregular | blurred | sharp
  std::string size(float zoom) const;  // in the picture: small | medium | large
  std::string colour_list() const;     // joined by ", "
  std::string structure_list() const;
};

// Draws a lesion of a class from the class's distributions (class_profile.cpp).
Lesion draw_lesion(LesionClass kind, Random& random);

}  // namespace dermis
