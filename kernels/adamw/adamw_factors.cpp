#include "kernels/adamw/adamw_factors.h"

#include <cmath>

namespace dermis {

AdamWFactors adamw_factors(const AdamWSettings& s) {
  const auto step = static_cast<double>(s.step);
  return {.gradient_scale = static_cast<float>(s.gradient_scale),
          .beta1 = static_cast<float>(s.beta1),
          .one_minus_beta1 = static_cast<float>(1 - s.beta1),
          .beta2 = static_cast<float>(s.beta2),
          .one_minus_beta2 = static_cast<float>(1 - s.beta2),
          .decay = static_cast<float>(1 - s.lr * s.weight_decay),
          .step_size = static_cast<float>(s.lr / (1 - std::pow(s.beta1, step))),
          .inverse_correction = static_cast<float>(1 / std::sqrt(1 - std::pow(s.beta2, step))),
          .eps = static_cast<float>(s.eps)};
}

}  // namespace dermis
