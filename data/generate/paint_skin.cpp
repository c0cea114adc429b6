#include <algorithm>

#include "data/generate/noise.h"
#include "data/generate/scene.h"
#include "data/generate/tissue.h"

namespace dermis {

void paint_skin(Canvas& canvas, const Skin& skin, const View& view) {
  const Colour base = kMonkTones[static_cast<size_t>(std::clamp(skin.monk, 1, 10) - 1)];
  const bool close = view.modality == Modality::dermoscopic;
  const float line_size = close ? 0.11F : 0.05F;
  const float finest = 3.0F / canvas.pixels(1);  // three pixels: what the picture can show at all
  const float line_scale = 1 / std::max(line_size, finest);
  for (int y = 0; y < canvas.size; ++y) {
    for (int x = 0; x < canvas.size; ++x) {
      const Point p = canvas.place(x, y);
      const float px = p.x + view.centre.x;  // another view of the same skin shows another part of it
      const float py = p.y + view.centre.y;
      Tissue tissue;
      const float mottle = fractal_noise(skin.key, px * 2.2F, py * 2.2F, 3);
      const float fine = noise(skin.key + 11, px * 14, py * 14);
      tissue.blood = skin.blood * (1 + 0.55F * skin.mottle * mottle + 0.3F * skin.mottle * fine);
      tissue.melanin = 0.12F + 0.1F * fractal_noise(skin.key + 23, px * 3.1F, py * 3.1F, 2);
      if (skin.freckles > 0) {
        const Cell cell = cellular(skin.key + 37, px * 5, py * 5);
        if (static_cast<float>(cell.id & 1023) < 1023 * skin.freckles) {
          const float radius = 0.12F + 0.16F * static_cast<float>(cell.id >> 10 & 255) / 255;
          tissue.melanin += (0.2F + 0.5F * static_cast<float>(cell.id >> 18 & 255) / 255) *
                            (1 - smoothstep(0.3F * radius, radius, cell.nearest));
        }
      }
      // Skin lines: the edges of elongated cells.
      const Cell lines = cellular(skin.key + 51, (px + 0.25F * py) * line_scale, (py - 0.3F * px) * line_scale * 0.75F);
      const float groove = 1 - smoothstep(0.02F, 0.3F, lines.second - lines.nearest);
      tissue.blood += skin.relief * (close ? 0.07F : 0.2F) * groove;
      tissue.melanin += skin.relief * (close ? 0.05F : 0.14F) * groove;
      const auto index = static_cast<size_t>(y * canvas.size + x);
      canvas.colour[index] = seen(base, tissue);
      canvas.height[index] = skin.relief * ((close ? 0.12F : 0.7F) * -groove + 0.25F * fine);
    }
  }
}

}  // namespace dermis
