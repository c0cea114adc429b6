#include "models/vision/siglip.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "kernels/attention/attention.h"
#include "kernels/gated_gelu/gated_gelu.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/linear/linear.h"
#include "kernels/operand/index_tensor.h"
#include "models/layers/gather_rows.h"

namespace dermis {

SiglipTower::SiglipTower(const VisionConfig& config, const ParameterSet& parameters) : config_(config) {
  const std::string tower = "vision_tower.";
  patch_weight_ = parameters.at(tower + "embeddings.patch_embedding.weight");
  patch_bias_ = parameters.at(tower + "embeddings.patch_embedding.bias");
  positions_ = parameters.at(tower + "embeddings.position_embedding.weight");
  final_weight_ = parameters.at(tower + "post_layernorm.weight");
  final_bias_ = parameters.at(tower + "post_layernorm.bias");
  for (int64_t i = 0; i < config.layers; ++i) {
    const std::string name = tower + "encoder.layers." + std::to_string(i) + ".";
    layers_.push_back({.norm1_weight = parameters.at(name + "layer_norm1.weight"),
                       .norm1_bias = parameters.at(name + "layer_norm1.bias"),
                       .norm2_weight = parameters.at(name + "layer_norm2.weight"),
                       .norm2_bias = parameters.at(name + "layer_norm2.bias"),
                       .qkv_weight = parameters.group(name + "self_attn.qkv.weight"),
                       .qkv_bias = parameters.group(name + "self_attn.qkv.bias"),
                       .out_weight = parameters.at(name + "self_attn.out_proj.weight"),
                       .out_bias = parameters.at(name + "self_attn.out_proj.bias"),
                       .fc1_weight = parameters.at(name + "mlp.fc1.weight"),
                       .fc1_bias = parameters.at(name + "mlp.fc1.bias"),
                       .fc2_weight = parameters.at(name + "mlp.fc2.weight"),
                       .fc2_bias = parameters.at(name + "mlp.fc2.bias")});
  }
}

namespace {

// Rows of the kept patches among all patches of all pictures.
at::Tensor patch_rows(std::span<const int32_t> kept_patches, int64_t images, int64_t patches, at::Device device) {
  const int64_t kept = static_cast<int64_t>(kept_patches.size()) / images;
  DERMIS_CHECK(kept * images == static_cast<int64_t>(kept_patches.size()), "equally many kept patches of each picture");
  std::vector<int32_t> rows(kept_patches.begin(), kept_patches.end());
  for (size_t i = 0; i < rows.size(); ++i) {
    DERMIS_CHECK(rows[i] >= 0 && rows[i] < patches, "kept patches of the picture");
    rows[i] += static_cast<int32_t>(static_cast<int64_t>(i) / kept * patches);
  }
  return index_tensor(rows, device);
}

}  // namespace

// The strided convolution of the patch embedding is one matrix product over unfolded patches [N * M, 3 P P].
at::Tensor SiglipTower::patches(const at::Tensor& pixels, std::span<const int32_t> kept_patches) const {
  const int64_t images = pixels.size(0), side = config_.image_size / config_.patch_size, patch = config_.patch_size;
  at::Tensor unfolded = pixels.view({images, 3, side, patch, side, patch})
                            .permute({0, 2, 4, 1, 3, 5})
                            .reshape({images * config_.patches(), 3 * patch * patch});
  at::Tensor rows;
  if (!kept_patches.empty()) {
    rows = patch_rows(kept_patches, images, config_.patches(), pixels.device());
    unfolded = unfolded.index_select(0, rows);
  }
  const at::Tensor features = dense(unfolded, patch_weight_.view({config_.hidden, -1}), patch_bias_);
  const at::Tensor positions = positions_.to(features.scalar_type()).expand({images, -1, -1});
  if (!rows.defined()) return (features.view(positions.sizes()) + positions).view({-1, config_.hidden});
  // Rows of the expanded table are distinct, so a position's gradient is summed picture by picture in a fixed order.
  return features + gather_rows(positions.reshape({-1, config_.hidden}), rows);
}

at::Tensor SiglipTower::attend(const Layer& layer, const at::Tensor& y_TC,
                               const std::shared_ptr<const VisibleKeys>& visible) const {
  const at::Tensor qkv = dense(y_TC, layer.qkv_weight.all(), layer.qkv_bias.all());
  const std::vector<at::Tensor> split = qkv.view({y_TC.size(0), 3, config_.heads, config_.head_size()}).unbind(1);
  const at::Tensor o_THD = attention(split[0], split[1], split[2], visible);
  return dense(o_THD.reshape({y_TC.size(0), config_.hidden}), layer.out_weight, layer.out_bias);
}

at::Tensor SiglipTower::forward(const at::Tensor& pixels, std::span<const int32_t> kept_patches, Trace* trace) const {
  const int64_t images = pixels.size(0);
  const auto encoded = kept_patches.empty() ? config_.patches() : static_cast<int64_t>(kept_patches.size()) / images;
  const std::vector<int32_t> lengths(static_cast<size_t>(images), static_cast<int32_t>(encoded));
  const auto visible = std::make_shared<const VisibleKeys>(VisibleKeys::packed_full(lengths));
  const double eps = config_.layer_norm_eps;
  at::Tensor x = patches(pixels, kept_patches);
  if (trace != nullptr) trace->vision_embeddings = x;
  at::Tensor y = layer_norm(x, layers_[0].norm1_weight, layers_[0].norm1_bias, eps);
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    std::tie(x, y) = add_layer_norm(attend(layer, y, visible), x, layer.norm2_weight, layer.norm2_bias, eps);
    const at::Tensor inner = gelu_tanh(dense(y, layer.fc1_weight, layer.fc1_bias));
    const bool last = i + 1 == layers_.size();
    // The residual sum goes straight into the norm that follows: the next layer's first, or the tower's last.
    std::tie(x, y) = add_layer_norm(dense(inner, layer.fc2_weight, layer.fc2_bias), x,
                                    last ? final_weight_ : layers_[i + 1].norm1_weight,
                                    last ? final_bias_ : layers_[i + 1].norm1_bias, eps);
    if (trace != nullptr) trace->vision_hidden.push_back(x);
  }
  if (trace != nullptr) trace->vision_output = y;
  return y;
}

}  // namespace dermis
