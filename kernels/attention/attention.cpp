#include "kernels/attention/attention.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/attention/attention_checks.h"
#include "kernels/attention/attention_dense.h"

namespace dermis {

namespace {

// What the backward pass needs beside tensors, held by the graph without copying the intervals.
struct AttentionNode : public torch::CustomClassHolder {
  std::shared_ptr<const VisibleKeys> visible;
  AttentionOptions options;
};

class ReferenceFunction : public torch::autograd::Function<ReferenceFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& q_THD, const at::Tensor& k_SGD,
                            const at::Tensor& v_SGD, const c10::intrusive_ptr<AttentionNode>& node) {
    context->save_for_backward({q_THD, k_SGD, v_SGD});
    context->saved_data["node"] = c10::IValue::make_capsule(node);
    return attention_reference(q_THD, k_SGD, v_SGD, *node->visible, node->options).o_THD;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const auto node = c10::static_intrusive_pointer_cast<AttentionNode>(context->saved_data["node"].toCapsule());
    const AttentionReference result =
        attention_reference(saved[0], saved[1], saved[2], *node->visible, node->options, grads[0]);
    return {result.dq_THD, result.dk_SGD, result.dv_SGD, at::Tensor()};
  }
};

}  // namespace

at::Tensor attention(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                     std::shared_ptr<const VisibleKeys> visible, const AttentionOptions& options) {
  check_attention(q_THD, k_SGD, v_SGD, *visible, options);
  if (q_THD.is_cpu() && q_THD.scalar_type() == at::kDouble) {
    auto node = c10::make_intrusive<AttentionNode>();
    node->visible = std::move(visible);
    node->options = options;
    return ReferenceFunction::apply(q_THD, k_SGD, v_SGD, node);
  }
  return attention_dense(q_THD, k_SGD, v_SGD, *visible, options);
}

AttentionResult attention_forward(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                                  const VisibleKeys& visible, const AttentionOptions& options) {
  check_attention(q_THD, k_SGD, v_SGD, visible, options);
  if (q_THD.is_cpu() && q_THD.scalar_type() == at::kDouble) {
    const AttentionReference result = attention_reference(q_THD, k_SGD, v_SGD, visible, options);
    return {result.o_THD, result.lse_HT};
  }
  return attention_dense_forward(q_THD, k_SGD, v_SGD, visible, options);
}

}  // namespace dermis
