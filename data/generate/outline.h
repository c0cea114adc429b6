// The border of a lesion: a closed curve in polar coordinates around the lesion's centre.
#pragma once

#include <array>

#include "data/generate/scene.h"

namespace dermis {

class Outline {
 public:
  Outline(const Lesion& lesion, const View& view);

  // Picture coordinates to the lesion's own: centre 0, mean radius 1, turned and stretched.
  Point local(Point p) const;
  Point global(Point q) const;
  // How far inside the border, in mean radii; negative outside.
  float depth(Point q) const;
  float angle_noise(float angle, float frequency, uint32_t key) const;  // smooth around the circle, [-1, 1]
  float radius() const { return radius_; }

 private:
  static constexpr int kSteps = 256;

  const Lesion& lesion_;
  Point centre_;
  float radius_, cosine_, sine_, stretch_, mirror_;
  std::array<float, kSteps + 1> border_{};
};

}  // namespace dermis
