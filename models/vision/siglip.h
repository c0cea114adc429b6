// SigLIP's vision tower (arXiv 2303.15343): patch embedding, learned positions, pre-norm layers, final norm; no class
// token, no pooling head. GELU is the tanh form, every linear has a bias, attention scale is 1 / sqrt(head size).
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "kernels/visible_keys/visible_keys.h"
#include "models/layers/parameter_set.h"
#include "models/vlm.h"

namespace dermis {

class SiglipTower {
 public:
  SiglipTower(const VisionConfig& config, const ParameterSet& parameters);

  // Normalised pixels [N, 3, S, S] -> patch features after the final norm [N * M, hidden]. Images never see each other.
  // kept_patches [N * M]: the patches that are encoded, of each picture equally many; empty: all.
  at::Tensor forward(const at::Tensor& pixels, std::span<const int32_t> kept_patches, Trace* trace) const;

 private:
  struct Layer {
    at::Tensor norm1_weight, norm1_bias, norm2_weight, norm2_bias;
    ParameterGroup qkv_weight, qkv_bias;
    at::Tensor out_weight, out_bias, fc1_weight, fc1_bias, fc2_weight, fc2_bias;
  };

  at::Tensor patches(const at::Tensor& pixels, std::span<const int32_t> kept_patches) const;
  at::Tensor attend(const Layer& layer, const at::Tensor& y_TC,
                    const std::shared_ptr<const VisibleKeys>& visible) const;

  VisionConfig config_;
  at::Tensor patch_weight_, patch_bias_, positions_, final_weight_, final_bias_;
  std::vector<Layer> layers_;
};

}  // namespace dermis
