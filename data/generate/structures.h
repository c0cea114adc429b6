// The structures inside a lesion that pattern analysis names.
#pragma once

#include "data/generate/outline.h"
#include "data/generate/tissue.h"

namespace dermis {

class Structures {
 public:
  // `visibility`: 1 under the dermatoscope, less to the naked eye.
  Structures(const Lesion& lesion, const Outline& outline, const Canvas& canvas, float visibility);

  // Streaks push the border outwards in fingers: what to add to the depth.
  float fingers(Point q, float depth) const;
  // Adds all structures at a place; returns their relief in pixels.
  float add(Tissue& tissue, Point q, float depth, size_t index) const;

 private:
  void add_network(Tissue& tissue, Point q, float depth) const;
  void add_globules(Tissue& tissue, Point q, float depth) const;
  void add_cysts(Tissue& tissue, Point q, float depth) const;
  void add_veil(Tissue& tissue, Point q) const;
  float add_surface(Tissue& tissue, Point q, float depth) const;
  void draw_vessels();
  float blob(Point q, Point centre, float radius, uint32_t key) const;  // 1 inside, ragged edge
  Point spot(uint32_t key, float distance) const;                       // a fixed place inside the lesion

  const Lesion& lesion_;
  const Outline& outline_;
  float visible_;
  float finest_;  // two and a half pixels, in mean radii
  StrokeMask vessels_;
};

}  // namespace dermis
