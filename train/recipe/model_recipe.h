// The model part of a recipe.
#pragma once

#include <cstdint>
#include <string>

#include "core/config/config.h"

namespace dermis {

struct GeometryRecipe {
  int64_t image_size = 0, patch_size = 0;
  int64_t vision_hidden = 0, vision_mlp = 0, vision_layers = 0, vision_heads = 0;
  int64_t hidden = 0, mlp = 0, layers = 0, heads = 0, kv_heads = 0, head_size = 0;

  template <class V>
  void visit(V& v) {
    v.field("image_size", image_size, "pixels a side", at_least(0));
    v.field("patch_size", patch_size, "pixels a side of what becomes one image token", at_least(0));
    v.field("vision_hidden", vision_hidden, "width of the image encoder", at_least(0));
    v.field("vision_mlp", vision_mlp, "inner width of its MLPs", at_least(0));
    v.field("vision_layers", vision_layers, "layers of the image encoder", at_least(0));
    v.field("vision_heads", vision_heads, "attention heads of the image encoder", at_least(0));
    v.field("hidden", hidden, "width of the decoder", at_least(0));
    v.field("mlp", mlp, "inner width of its MLPs", at_least(0));
    v.field("layers", layers, "layers of the decoder", at_least(0));
    v.field("heads", heads, "query heads of the decoder", at_least(0));
    v.field("kv_heads", kv_heads, "key and value heads of the decoder", at_least(0));
    v.field("head_size", head_size, "width of a head of the decoder", at_least(0));
  }
};

inline bool geometry_is_set(const GeometryRecipe& g) {
  return (g.image_size | g.patch_size | g.vision_hidden | g.vision_mlp | g.vision_layers | g.vision_heads | g.hidden |
          g.mlp | g.layers | g.heads | g.kv_heads | g.head_size) != 0;
}

struct ModelRecipe {
  std::string preset;
  std::string start;
  double start_share = 1.0;
  std::string tokenizer;
  GeometryRecipe geometry;

  template <class V>
  void visit(V& v) {
    v.field("preset", preset, "geometry of a model with random weights (nano, small, demo); this or start");
    v.field("start", start, "folder of a trained model to start from");
    v.field(
        "start_share", start_share,
        "how much of its weights is kept, the rest being random weights of this recipe's seed; with the seed it was "
        "trained with: so much of its training",
        between(0, 1));
    v.field("tokenizer", tokenizer, "tokenizer.model; empty: the one of the model to start from");
    v.section("geometry", geometry, "numbers that differ from the preset's; 0: as the preset has it");
  }
};

}  // namespace dermis
