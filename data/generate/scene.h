// Everything about one practice picture except the lesion itself: whose skin, seen how, with what lying about.
#pragma once

#include "data/generate/canvas.h"
#include "data/generate/lesion.h"
#include "data/image/image.h"

namespace dermis {

enum class Modality { dermoscopic, clinical };
template <>
struct EnumTraits<Modality> {
  static constexpr EnumNames<Modality, 2> kNames{
      {{Modality::dermoscopic, "dermoscopic"}, {Modality::clinical, "clinical"}}};
};

struct Skin {
  uint32_t key = 0;
  int monk = 3;         // tone 1..10
  float blood = 0.4F;   // redness
  float relief = 0.5F;  // skin lines
  float mottle = 0.5F;  // uneven redness
  float freckles = 0;   // share of cells with a freckle
};

struct Hair {
  int count = 0;
  float width = 0.012F;  // in half picture widths
  Colour colour;
  float direction = 0;
};

struct Artefacts {
  Hair hair;
  bool ruler = false;      // a scale with ticks
  bool bar_ruler = false;  // black and white bars along an edge
  bool ink = false;        // surgical marker
  bool ink_ring = false;   // around the lesion; else dots beside it
  bool disc = false;       // colour chart disc at the edge
  int bubbles = 0;         // in the immersion gel
};

struct Camera {
  float exposure = 1;
  float gain = 1;         // of the automatic exposure
  Colour white{1, 1, 1};  // gains: white balance and lamp
  float gradient = 0;     // brightness from one side to the other
  float gradient_angle = 0;
  float vignette = 0;  // darkening towards the corners
  float field = 2;     // radius of the round field of view; above 1.5 no black shows
  float relief_light = 0.5F;
  float gloss = 0;
  float blur = 0;  // pixels at 128, scaled with the size
  float grain = 0.01F;
  float contrast = 1;
  int jpeg_quality = 90;
};

struct View {
  Modality modality = Modality::dermoscopic;
  Point centre;  // of the lesion
  float zoom = 1;
  float rotation = 0;
  bool mirrored = false;
  uint32_t key = 0;
  Artefacts artefacts;
  Camera camera;
};

void paint_skin(Canvas& canvas, const Skin& skin, const View& view);
void paint_lesion(Canvas& canvas, const Lesion& lesion, const View& view);
void paint_artefacts(Canvas& canvas, const Lesion& lesion, const View& view);
// Light, lens and sensor; returns 8-bit pixels.
Image take_picture(Canvas& canvas, const View& view);

}  // namespace dermis
