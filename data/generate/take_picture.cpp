#include <algorithm>
#include <cmath>
#include <vector>

#include "data/generate/noise.h"
#include "data/generate/scene.h"
#include "data/image/image.h"

namespace dermis {
namespace {

// Light from the upper left on the relief, and the shine of wet or waxy places.
void light_relief(Canvas& canvas, const Camera& camera) {
  const int n = canvas.size;
  const auto height = [&](int x, int y) {
    return canvas.height[static_cast<size_t>(std::clamp(y, 0, n - 1) * n + std::clamp(x, 0, n - 1))];
  };
  for (int y = 0; y < n; ++y) {
    for (int x = 0; x < n; ++x) {
      const float slope = 0.5F * (height(x + 1, y) - height(x - 1, y) + height(x, y + 1) - height(x, y - 1));
      const float shade = 1 + camera.relief_light * std::clamp(slope, -1.0F, 1.0F) * 0.35F;
      const float facing = std::clamp(0.5F + 0.9F * slope, 0.0F, 1.0F);
      const float shine = camera.gloss * facing * facing * facing * facing * smoothstep(0.3F, 1.0F, height(x, y));
      Colour& c = canvas.colour[static_cast<size_t>(y * n + x)];
      c = {c.r * shade + shine, c.g * shade + shine, c.b * shade + shine};
    }
  }
}

void light_field(Canvas& canvas, const Camera& camera) {
  const float gx = camera.gradient * std::cos(camera.gradient_angle);
  const float gy = camera.gradient * std::sin(camera.gradient_angle);
  const float edge = 3.0F / static_cast<float>(canvas.size);
  for (int y = 0; y < canvas.size; ++y) {
    for (int x = 0; x < canvas.size; ++x) {
      const Point p = canvas.place(x, y);
      const float r2 = p.x * p.x + p.y * p.y;
      const float field = camera.field > 1.5F ? 1 : smoothstep(edge, -edge, std::sqrt(r2) - camera.field);
      const float light = camera.exposure * camera.gain * (1 + gx * p.x + gy * p.y) *
                          std::max(0.0F, 1 - camera.vignette * r2 * r2) * field;
      Colour& c = canvas.colour[static_cast<size_t>(y * canvas.size + x)];
      const auto expose = [&](float value, float gain) {
        return 0.5F + (value * light * gain - 0.5F) * camera.contrast;
      };
      c = {expose(c.r, camera.white.r), expose(c.g, camera.white.g), expose(c.b, camera.white.b)};
    }
  }
}

void blur(Canvas& canvas, float sigma) {
  if (sigma < 0.2F) return;
  const int reach = std::max(1, static_cast<int>(std::ceil(2.2F * sigma)));
  std::vector<float> weights(static_cast<size_t>(reach) + 1);
  float total = 0;
  for (int i = 0; i <= reach; ++i) {
    const auto d = static_cast<float>(i);
    weights[static_cast<size_t>(i)] = std::exp(-d * d / (2 * sigma * sigma));
    total += (i == 0 ? 1.0F : 2.0F) * weights[static_cast<size_t>(i)];
  }
  const int n = canvas.size;
  std::vector<Colour> line(static_cast<size_t>(n));
  const auto pass = [&](size_t start, size_t step) {
    for (size_t i = 0; i < line.size(); ++i) line[i] = canvas.colour[start + i * step];
    for (int i = 0; i < n; ++i) {
      Colour sum;
      for (int k = -reach; k <= reach; ++k) {
        const Colour& c = line[static_cast<size_t>(std::clamp(i + k, 0, n - 1))];
        const float w = weights[static_cast<size_t>(std::abs(k))] / total;
        sum = {sum.r + w * c.r, sum.g + w * c.g, sum.b + w * c.b};
      }
      canvas.colour[start + static_cast<size_t>(i) * step] = sum;
    }
  };
  for (int y = 0; y < n; ++y) pass(static_cast<size_t>(y) * static_cast<size_t>(n), 1);
  for (int x = 0; x < n; ++x) pass(static_cast<size_t>(x), static_cast<size_t>(n));
}

}  // namespace

Image take_picture(Canvas& canvas, const View& view) {
  const Camera& camera = view.camera;
  light_relief(canvas, camera);
  light_field(canvas, camera);
  blur(canvas, camera.blur * static_cast<float>(canvas.size) / 128);
  Image image;
  image.width = canvas.size;
  image.height = canvas.size;
  image.rgb.resize(3 * canvas.colour.size());
  for (size_t i = 0; i < canvas.colour.size(); ++i) {
    const Colour& c = canvas.colour[i];
    const uint32_t grain = mix_bits(view.key ^ static_cast<uint32_t>(i) * 0x9e3779b9U);
    const float levels[3] = {c.r, c.g, c.b};
    for (size_t channel = 0; channel < 3; ++channel) {
      // Sum of two uniform draws: close enough to a sensor's bell curve.
      const uint32_t bits = grain >> (10 * channel);
      const float noise = (static_cast<float>((bits & 31) + (bits >> 5 & 31)) - 31) * (camera.grain / 12.8F);
      image.rgb[3 * i + channel] =
          static_cast<uint8_t>(std::clamp(255 * (levels[channel] + noise) + 0.5F, 0.0F, 255.0F));
    }
  }
  return image;
}

}  // namespace dermis
