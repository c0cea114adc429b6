#include "kernels/linear_ce/linear_ce.h"

#include <ATen/ATen.h>

namespace dermis {

at::Tensor linear_cross_entropy(const at::Tensor& x_LC, const at::Tensor& weight_VC, std::span<const int32_t> labels,
                                std::span<const float> label_weights, const LinearCeOptions& options) {
  const auto rows = static_cast<int64_t>(labels.size());
  const auto wide = x_LC.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor labels_L =
      at::from_blob(const_cast<int32_t*>(labels.data()), {rows}, at::kInt).to(at::kLong).to(x_LC.device());
  const at::Tensor weights_L =
      at::from_blob(const_cast<float*>(label_weights.data()), {rows}, at::kFloat).to(x_LC.device(), wide, false, true);
  at::Tensor logits_LV = at::linear(x_LC, weight_VC).to(wide);
  if (options.final_softcap > 0) logits_LV = options.final_softcap * at::tanh(logits_LV / options.final_softcap);
  const at::Tensor log_p_L1 = at::log_softmax(logits_LV, -1).gather(1, labels_L.unsqueeze(1));
  return -(log_p_L1.squeeze(1) * weights_L).sum() / options.divisor;
}

}  // namespace dermis
