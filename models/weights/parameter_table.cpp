#include "models/weights/parameter_table.h"

#include <cmath>

namespace dermis {
namespace {

// Deviation that keeps the size of activations through a layer. Gemma's own 0.02 is this for its width of about 2,500;
// in a decoder of 128 it would leave attention near uniform and logits near zero for the first hundreds of steps.
double text_spread(int64_t fan_in) { return 1.0 / std::sqrt(static_cast<double>(fan_in)); }

// Deviation of a unit normal cut at two deviations. transformers divides by it to make up for a cut that it then makes
// at 2.0 instead of two deviations, where nothing lies: its patch embedding is a plain normal, wider by this factor.
constexpr double kCutDeviation = 0.87962566103423978;

// The encoder begins as trained ones end up (mimetic initialisation, Trockman and Kolter, arXiv 2305.09828): keys like
// queries, so that patches attend to like patches and, by their positions, to near ones; values times output near minus
// the identity. From some hundred pictures it learns markedly more (docs/results.md).
constexpr double kKeyLikeQuery = 0.7, kOutputLikeValue = -0.5, kPositionAmplitude = 0.5;

class TableBuilder {
 public:
  explicit TableBuilder(const VlmConfig& config) : config_(config) {}

  std::vector<ParameterSpec> build() {
    vision();
    projector();
    language();
    return std::move(table_);
  }

 private:
  void add(std::string name, std::vector<int64_t> shape, Part part, InitKind init, double spread = 0,
           std::string group = {}, InitLike like = {}) {
    table_.push_back({.name = std::move(name),
                      .shape = std::move(shape),
                      .part = part,
                      .init = init,
                      .spread = spread,
                      .like = std::move(like),
                      .group = std::move(group)});
  }

  void layer_norm(const std::string& name) {
    add(name + ".weight", {config_.vision.hidden}, Part::vision, InitKind::ones);
    add(name + ".bias", {config_.vision.hidden}, Part::vision, InitKind::zeros);
  }

  void vision_attention(const std::string& name) {
    const int64_t hidden = config_.vision.hidden;
    const double glorot = std::sqrt(6.0 / static_cast<double>(hidden + hidden));
    const auto projection = [&](const char* which, const std::string& group, InitLike like = {}) {
      add(name + which + ".weight", {hidden, hidden}, Part::vision, InitKind::uniform, glorot, group, std::move(like));
    };
    projection("q_proj", name + "qkv.weight");
    projection("k_proj", name + "qkv.weight", {.name = name + "q_proj.weight", .share = kKeyLikeQuery});
    projection("v_proj", name + "qkv.weight");
    for (const char* which : {"q_proj", "k_proj", "v_proj"})
      add(name + which + ".bias", {hidden}, Part::vision, InitKind::zeros, 0, name + "qkv.bias");
    projection("out_proj", {}, {.name = name + "v_proj.weight", .share = kOutputLikeValue, .transposed = true});
    add(name + "out_proj.bias", {hidden}, Part::vision, InitKind::zeros);
  }

  void vision_mlp(const std::string& name) {
    constexpr double kBiasSpread = 1e-6;
    const int64_t hidden = config_.vision.hidden, mlp = config_.vision.mlp;
    const double glorot = std::sqrt(6.0 / static_cast<double>(hidden + mlp));
    add(name + "fc1.weight", {mlp, hidden}, Part::vision, InitKind::uniform, glorot);
    add(name + "fc1.bias", {mlp}, Part::vision, InitKind::normal, kBiasSpread);
    add(name + "fc2.weight", {hidden, mlp}, Part::vision, InitKind::uniform, glorot);
    add(name + "fc2.bias", {hidden}, Part::vision, InitKind::normal, kBiasSpread);
  }

  void vision() {
    const VisionConfig& v = config_.vision;
    const double fan_in = static_cast<double>(3 * v.patch_size * v.patch_size);
    add("vision_tower.embeddings.patch_embedding.weight", {v.hidden, 3, v.patch_size, v.patch_size}, Part::vision,
        InitKind::normal, 1.0 / std::sqrt(fan_in) / kCutDeviation);
    add("vision_tower.embeddings.patch_embedding.bias", {v.hidden}, Part::vision, InitKind::zeros);
    add("vision_tower.embeddings.position_embedding.weight", {v.patches(), v.hidden}, Part::vision, InitKind::grid,
        kPositionAmplitude);
    for (int64_t i = 0; i < v.layers; ++i) {
      const std::string layer = "vision_tower.encoder.layers." + std::to_string(i) + ".";
      layer_norm(layer + "layer_norm1");
      vision_attention(layer + "self_attn.");
      layer_norm(layer + "layer_norm2");
      vision_mlp(layer + "mlp.");
    }
    layer_norm("vision_tower.post_layernorm");
  }

  void projector() {
    add("multi_modal_projector.linear.weight", {config_.language.hidden, config_.vision.hidden}, Part::projector,
        InitKind::normal, text_spread(config_.vision.hidden));
    add("multi_modal_projector.linear.bias", {config_.language.hidden}, Part::projector, InitKind::zeros);
  }

  void linear(const std::string& name, int64_t rows, int64_t columns, const std::string& group = {}) {
    add(name + ".weight", {rows, columns}, Part::language, InitKind::normal, text_spread(columns), group);
  }

  // Gemma stores RMSNorm weights as w of (1 + w): the identity is zero.
  void rms_norm(const std::string& name) {
    add(name + ".weight", {config_.language.hidden}, Part::language, InitKind::zeros);
  }

  void language() {
    const LanguageConfig& l = config_.language;
    const int64_t query = l.heads * l.head_size, key = l.kv_heads * l.head_size;
    add("language_model.model.embed_tokens.weight", {l.vocabulary, l.hidden}, Part::language, InitKind::normal,
        text_spread(l.hidden));
    table_.back().zero_row = config_.pad;
    for (int64_t i = 0; i < l.layers; ++i) {
      const std::string layer = "language_model.model.layers." + std::to_string(i) + ".";
      rms_norm(layer + "input_layernorm");
      linear(layer + "self_attn.q_proj", query, l.hidden, layer + "self_attn.qkv.weight");
      linear(layer + "self_attn.k_proj", key, l.hidden, layer + "self_attn.qkv.weight");
      linear(layer + "self_attn.v_proj", key, l.hidden, layer + "self_attn.qkv.weight");
      linear(layer + "self_attn.o_proj", l.hidden, query);
      rms_norm(layer + "post_attention_layernorm");
      linear(layer + "mlp.gate_proj", l.mlp, l.hidden, layer + "mlp.gate_up.weight");
      linear(layer + "mlp.up_proj", l.mlp, l.hidden, layer + "mlp.gate_up.weight");
      linear(layer + "mlp.down_proj", l.hidden, l.mlp);
    }
    rms_norm("language_model.model.norm");
  }

  const VlmConfig& config_;
  std::vector<ParameterSpec> table_;
};

}  // namespace

std::vector<ParameterSpec> parameter_table(const VlmConfig& config) { return TableBuilder(config).build(); }

}  // namespace dermis
