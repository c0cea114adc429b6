#include "data/generate/canvas.h"

#include <algorithm>
#include <cmath>

namespace dermis {

void StrokeMask::line(Point from, Point to, float width, float strength) {
  const float scale = static_cast<float>(size_) / 2;
  const float x0 = (from.x + 1) * scale - 0.5F;
  const float y0 = (from.y + 1) * scale - 0.5F;
  const float dx = (to.x - from.x) * scale;
  const float dy = (to.y - from.y) * scale;
  const float length2 = std::max(1e-6F, dx * dx + dy * dy);
  const float half = std::max(width, 1.0F) / 2;
  const float value = strength * std::min(1.0F, width);
  const float reach = half + 1;
  const auto first = [&](float low) { return std::max(0, static_cast<int>(std::floor(low - reach))); };
  const auto last = [&](float high) { return std::min(size_ - 1, static_cast<int>(std::ceil(high + reach))); };
  const int top = first(std::min(y0, y0 + dy));
  const int bottom = last(std::max(y0, y0 + dy));
  const int left = first(std::min(x0, x0 + dx));
  const int right = last(std::max(x0, x0 + dx));
  for (int y = top; y <= bottom; ++y) {
    for (int x = left; x <= right; ++x) {
      const float px = static_cast<float>(x) - x0;
      const float py = static_cast<float>(y) - y0;
      const float along = std::clamp((px * dx + py * dy) / length2, 0.0F, 1.0F);
      const float ex = px - along * dx;
      const float ey = py - along * dy;
      const float distance = std::sqrt(ex * ex + ey * ey);
      const float cover = value * std::clamp(half + 0.5F - distance, 0.0F, 1.0F);
      float& target = coverage_[static_cast<size_t>(y) * static_cast<size_t>(size_) + static_cast<size_t>(x)];
      target = std::max(target, cover);
    }
  }
}

}  // namespace dermis
