#include "data/generate/structures.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/generate/noise.h"

namespace dermis {
namespace {

constexpr float kTurn = 2 * std::numbers::pi_v<float>;

float share_of(uint32_t id) { return static_cast<float>(id & 1023) / 1023; }

}  // namespace

Structures::Structures(const Lesion& lesion, const Outline& outline, const Canvas& canvas, float visibility)
    : lesion_(lesion),
      outline_(outline),
      visible_(visibility),
      finest_(2.5F / canvas.pixels(outline.radius())),
      vessels_(canvas.size) {
  if (lesion.branching_vessels > 0) draw_vessels();
}

Point Structures::spot(uint32_t key, float distance) const {
  const float angle = kTurn * lattice(lesion_.key + key, 1, 1);
  return {distance * std::cos(angle), distance * std::sin(angle)};
}

float Structures::blob(Point q, Point centre, float radius, uint32_t key) const {
  const float dx = q.x - centre.x;
  const float dy = q.y - centre.y;
  const float edge = radius + 0.22F * fractal_noise(lesion_.key + key, q.x * 2.4F, q.y * 2.4F, 3);
  return smoothstep(-0.12F, 0.14F, edge - std::sqrt(dx * dx + dy * dy));
}

float Structures::fingers(Point q, float depth) const {
  if (lesion_.streaks <= 0 || depth > 0.25F || depth < -0.4F) return 0;
  const float finger = outline_.angle_noise(std::atan2(q.y, q.x), 42, 71);
  return lesion_.streaks * 0.15F * smoothstep(0.0F, 0.6F, finger);
}

void Structures::add_network(Tissue& tissue, Point q, float depth) const {
  const bool atypical = lesion_.network_atypical;
  float x = q.x;
  float y = q.y;
  float patch = 1;
  if (atypical) {  // meshes of uneven size, in patches
    x += 0.16F * noise(lesion_.key + 81, q.x * 3, q.y * 3);
    y += 0.16F * noise(lesion_.key + 82, q.x * 3, q.y * 3);
    patch = smoothstep(-0.35F, 0.25F, noise(lesion_.key + 83, q.x * 1.9F, q.y * 1.9F));
  }
  const float mesh = std::max(atypical ? 0.19F : 0.13F, 1.5F * finest_);
  const Cell cell = cellular(lesion_.key + 84, x / mesh, y / mesh, atypical ? 1.0F : 0.92F);
  const float line = 1 - smoothstep(0.0F, atypical ? 0.55F : 0.45F, cell.second - cell.nearest);
  const float rim = mix(1.0F, 0.45F, smoothstep(0.35F, 0.9F, depth));
  const float strength = visible_ * lesion_.network * patch * rim;
  tissue.melanin += strength * ((atypical ? 1.9F : 1.1F) * line - 0.22F);
}

void Structures::add_globules(Tissue& tissue, Point q, float depth) const {
  const bool nests = lesion_.kind == LesionClass::basal_cell_carcinoma;
  if (lesion_.globules > 0) {
    const float spacing = std::max(nests ? 0.36F : 0.23F, 1.8F * finest_);
    const Cell cell = cellular(lesion_.key + 91, q.x / spacing, q.y / spacing);
    const float radius = 0.22F + 0.16F * share_of(cell.id >> 10);
    const float disc = 1 - smoothstep(0.65F * radius, radius * 1.15F, cell.nearest);
    const float clump = smoothstep(-0.3F, 0.3F, noise(lesion_.key + 93, q.x * 1.7F, q.y * 1.7F));
    if (share_of(cell.id) < (nests ? 0.4F : 0.35F + 0.5F * clump)) {
      tissue.melanin += visible_ * lesion_.globules * disc * (nests ? 1.4F : 0.7F + 0.7F * share_of(cell.id >> 5));
      if (nests) tissue.add_cover(from_hex(0x566480), visible_ * 0.5F * disc);
    }
  }
  if (lesion_.dots > 0) {
    const float spacing = std::max(0.12F, 1.3F * finest_);
    const Cell cell = cellular(lesion_.key + 92, q.x / spacing, q.y / spacing);
    const float rim = smoothstep(0.75F, 0.2F, depth);
    const float clump = smoothstep(-0.1F, 0.5F, noise(lesion_.key + 94, q.x * 2.1F, q.y * 2.1F));
    if (share_of(cell.id) < (0.15F + 0.25F * rim) * clump) {
      tissue.melanin += visible_ * lesion_.dots * 2.6F * (1 - smoothstep(0.14F, 0.34F, cell.nearest));
    }
  }
  if (lesion_.streaks > 0 && depth < 0.35F) {
    const float finger = outline_.angle_noise(std::atan2(q.y, q.x), 42, 71);
    const float band = smoothstep(0.4F, 0.12F, depth);
    tissue.melanin += visible_ * lesion_.streaks * 2.2F * band * smoothstep(0.0F, 0.45F, finger);
  }
}

void Structures::add_cysts(Tissue& tissue, Point q, float depth) const {
  if (depth < 0.06F) return;
  if (lesion_.milia_like_cysts > 0) {
    const float spacing = std::max(0.27F, 2 * finest_);
    const Cell cell = cellular(lesion_.key + 101, q.x / spacing, q.y / spacing);
    if (share_of(cell.id) < 0.34F) {
      const float radius = 0.17F + 0.1F * share_of(cell.id >> 10);
      const float disc = 1 - smoothstep(0.4F * radius, 1.2F * radius, cell.nearest);
      tissue.add_cover(from_hex(0xf3e6c4), (0.35F + 0.65F * visible_) * 0.85F * lesion_.milia_like_cysts * disc);
    }
  }
  if (lesion_.comedo_like_openings > 0) {
    const float spacing = std::max(0.32F, 2 * finest_);
    const Cell cell = cellular(lesion_.key + 102, q.x / spacing, q.y / spacing);
    if (share_of(cell.id) < 0.38F) {
      const float radius = 0.16F + 0.14F * share_of(cell.id >> 10);
      const float disc = 1 - smoothstep(0.55F * radius, 1.15F * radius, cell.nearest);
      tissue.melanin += (0.3F + 0.7F * visible_) * lesion_.comedo_like_openings * 3.0F * disc;
    }
  }
}

void Structures::add_veil(Tissue& tissue, Point q) const {
  if (lesion_.regression > 0) {
    const float scar = lesion_.regression * blob(q, spot(111, 0.45F), 0.36F, 112);
    tissue.melanin *= 1 - 0.85F * scar;
    tissue.add_cover(from_hex(0xdcc6c0), 0.5F * scar);
    const float spacing = std::max(0.09F, 1.2F * finest_);
    const Cell pepper = cellular(lesion_.key + 113, q.x / spacing, q.y / spacing);
    if (share_of(pepper.id) < 0.35F) {
      tissue.add_cover(from_hex(0x7d828c), visible_ * 0.5F * scar * (1 - smoothstep(0.15F, 0.4F, pepper.nearest)));
    }
  }
  if (lesion_.blue_white_veil > 0) {
    const float veil = lesion_.blue_white_veil * blob(q, spot(121, 0.28F), 0.42F, 122);
    const float haze = 0.5F + 0.5F * noise(lesion_.key + 123, q.x * 4, q.y * 4);
    tissue.add_cover(from_hex(0x58678a), 0.72F * veil);
    tissue.add_cover(from_hex(0xc4c8d8), 0.16F * veil * haze);
  }
}

float Structures::add_surface(Tissue& tissue, Point q, float depth) const {
  float relief = 0;
  const float rough = fractal_noise(lesion_.key + 131, q.x * 9, q.y * 9, 3);
  if (lesion_.surface == Surface::waxy || lesion_.surface == Surface::raised) {
    const float ridge = std::abs(noise(lesion_.key + 132, q.x * 4.2F, q.y * 4.2F));
    const float groove = 1 - smoothstep(0.0F, 0.34F, ridge);
    const float strength = lesion_.surface == Surface::waxy ? 1.0F : 0.35F;
    tissue.melanin += strength * (0.55F * groove - 0.12F);
    relief -= strength * 0.7F * groove;
  }
  if (lesion_.ulceration > 0) {
    const float sore = lesion_.ulceration * blob(q, spot(141, 0.22F), 0.3F, 142);
    tissue.blood += sore * (2.4F + 0.8F * rough);
    tissue.melanin += sore * 0.9F;
    tissue.add_cover(from_hex(0x7a2a22), 0.35F * sore);
    relief -= 1.5F * sore;
  }
  if (lesion_.white_centre > 0) {
    const float plug = lesion_.white_centre * blob(q, {}, 0.36F, 151);
    tissue.add_cover(from_hex(0xe8dcc6), 0.75F * plug * (0.75F + 0.5F * rough));
    relief += plug * (1.5F + 1.5F * rough);
  }
  if (lesion_.surface == Surface::crusted) {
    const float crust = blob(q, spot(161, 0.15F), 0.52F, 162) * smoothstep(-0.35F, 0.25F, rough);
    tissue.add_cover(from_hex(0xb08a4a), 0.62F * crust);
    tissue.melanin += 0.8F * crust * std::max(0.0F, -rough);
    relief += 2.5F * crust * rough;
  }
  if (lesion_.scale > 0) {
    const float patches = smoothstep(-0.1F, 0.35F, fractal_noise(lesion_.key + 171, q.x * 2.6F, q.y * 2.6F, 2));
    const float flakes = smoothstep(-0.15F, 0.55F, noise(lesion_.key + 172, q.x * 9, q.y * 9) + 0.5F * rough);
    const float inside = smoothstep(0.0F, 0.3F, depth);
    tissue.add_cover(from_hex(0xeee4d2), 0.6F * lesion_.scale * patches * flakes * inside);
    relief += 1.8F * lesion_.scale * patches * flakes * inside;
  }
  return relief;
}

float Structures::add(Tissue& tissue, Point q, float depth, size_t index) const {
  if (lesion_.network > 0) add_network(tissue, q, depth);
  add_globules(tissue, q, depth);
  add_veil(tissue, q);
  const float relief = add_surface(tissue, q, depth);
  add_cysts(tissue, q, depth);
  if (lesion_.branching_vessels > 0) tissue.blood += (0.3F + 0.7F * visible_) * 2.6F * vessels_.at(index);
  return relief;
}

// Trees that start at the rim, run inwards and fork, thinner with every fork.
void Structures::draw_vessels() {
  Random random(lesion_.key, RandomPurpose::practice_image, 7);
  struct Branch {
    Point at;
    float angle, width;
    int forks;
  };
  const auto trees = static_cast<int>(2 + random.below(3));
  for (int tree = 0; tree < trees; ++tree) {
    const auto start = static_cast<float>(random.uniform(0, kTurn));
    std::vector<Branch> branches{{{0.95F * std::cos(start), 0.95F * std::sin(start)},
                                  start + std::numbers::pi_v<float> + static_cast<float>(random.uniform(-0.5, 0.5)),
                                  0.075F / finest_,
                                  0}};
    while (!branches.empty()) {
      Branch branch = branches.back();
      branches.pop_back();
      const auto steps = static_cast<int>(4 + random.below(5));
      for (int i = 0; i < steps; ++i) {
        branch.angle += static_cast<float>(random.uniform(-0.45, 0.45));
        const Point next{branch.at.x + 0.085F * std::cos(branch.angle), branch.at.y + 0.085F * std::sin(branch.angle)};
        vessels_.line(outline_.global(branch.at), outline_.global(next), branch.width, lesion_.branching_vessels);
        branch.at = next;
      }
      if (branch.forks >= 3) continue;
      for (const float side : {-0.6F, 0.55F}) {
        branches.push_back({branch.at, branch.angle + side, branch.width * 0.72F, branch.forks + 1});
      }
    }
  }
}

}  // namespace dermis
