// A square picture in the making: colours and a relief that light falls on.
#pragma once

#include <cstddef>
#include <vector>

#include "data/generate/palette.h"

namespace dermis {

struct Point {  // picture coordinates: -1..1 from edge to edge, y downwards
  float x = 0;
  float y = 0;
};

struct Canvas {
  explicit Canvas(int side)
      : size(side), colour(static_cast<size_t>(side) * static_cast<size_t>(side)), height(colour.size()) {}

  Point place(int x, int y) const {
    return {(static_cast<float>(x) + 0.5F) * 2 / static_cast<float>(size) - 1,
            (static_cast<float>(y) + 0.5F) * 2 / static_cast<float>(size) - 1};
  }
  float pixels(float length) const { return length * static_cast<float>(size) / 2; }

  int size;
  std::vector<Colour> colour;
  std::vector<float> height;  // in pixels
};

// Coverage of drawn strokes, 0..1 a pixel; strokes keep their darkest value where they cross.
class StrokeMask {
 public:
  explicit StrokeMask(int size) : size_(size), coverage_(static_cast<size_t>(size) * static_cast<size_t>(size)) {}

  // A line of `width` pixels with soft edges. Lines thinner than a pixel get fainter.
  void line(Point from, Point to, float width, float strength = 1);
  float at(size_t index) const { return coverage_[index]; }

 private:
  int size_;
  std::vector<float> coverage_;
};

}  // namespace dermis
