#include "kernels/gated_gelu/gated_gelu.h"

#include <ATen/ATen.h>

namespace dermis {

at::Tensor gelu_tanh(const at::Tensor& x) { return at::gelu(x, "tanh"); }

at::Tensor gated_gelu(const at::Tensor& gate_up) {
  const int64_t features = gate_up.size(-1) / 2;
  return at::gelu(gate_up.narrow(-1, 0, features), "tanh") * gate_up.narrow(-1, features, features);
}

}  // namespace dermis
