#include <array>

#include "core/cli/parse.h"
#include "core/error.h"
#include "models/vlm_config.h"

namespace dermis {
namespace {

struct Preset {
  const char* name;
  VisionConfig vision;
  LanguageConfig language;
};

// `vocabulary` counts embedding rows; the last 64 lie beyond the SentencePiece pieces, as in PaliGemma (257,152 pieces,
// 257,216 rows), and the first of them is the image token.
constexpr int64_t kRowsBeyondPieces = 64;

const std::array<Preset, 3>& presets() {
  static const std::array<Preset, 3> table{{
      {"nano",
       {.image_size = 64, .patch_size = 8, .hidden = 128, .mlp = 512, .layers = 4, .heads = 4},
       {.vocabulary = 2048, .hidden = 192, .mlp = 512, .layers = 4, .heads = 6, .kv_heads = 2, .head_size = 32}},
      {"small",
       {.image_size = 224, .patch_size = 16, .hidden = 384, .mlp = 1536, .layers = 8, .heads = 6},
       {.vocabulary = 8192, .hidden = 512, .mlp = 1536, .layers = 8, .heads = 8, .kv_heads = 2, .head_size = 64}},
      {"demo",
       {.image_size = 64, .patch_size = 8, .hidden = 128, .mlp = 512, .layers = 4, .heads = 4},
       {.vocabulary = 1024, .hidden = 128, .mlp = 256, .layers = 2, .heads = 4, .kv_heads = 1, .head_size = 32}},
  }};
  return table;
}

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& entry : presets()) names.emplace_back(entry.name);
  return names;
}

VlmConfig preset(const std::string& name) {
  for (const Preset& entry : presets()) {
    if (name != entry.name) continue;
    VlmConfig config;
    config.vision = entry.vision;
    config.language = entry.language;
    config.fit_vocabulary(entry.language.vocabulary - kRowsBeyondPieces);
    config.image.size = static_cast<int>(entry.vision.image_size);
    config.validate();
    return config;
  }
  std::string known;
  for (const std::string& candidate : preset_names()) known += (known.empty() ? "" : ", ") + candidate;
  const std::string nearest = nearest_name(name, preset_names());
  throw Error(ErrorKind::usage, {.what = "There is no preset of this name",
                                 .where = "preset",
                                 .expected = known,
                                 .found = name,
                                 .fix = nearest.empty() ? "choose one of them" : "did you mean '" + nearest + "'?"});
}

}  // namespace dermis
