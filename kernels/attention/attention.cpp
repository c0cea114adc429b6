#include "kernels/attention/attention.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/attention/attention_checks.h"
#include "kernels/attention/attention_cpu.h"
#include "kernels/attention/attention_dense.h"

namespace dermis {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// What the backward pass needs beside tensors, held by the graph without copying the intervals.
struct AttentionNode : public torch::CustomClassHolder {
  AttentionNode(std::shared_ptr<const VisibleKeys> visible, const AttentionOptions& options)
      : visible(std::move(visible)), options(options) {}
  std::shared_ptr<const VisibleKeys> visible;
  AttentionOptions options;
};
using NodePointer = c10::intrusive_ptr<AttentionNode>;

NodePointer node_of(AutogradContext* context) {
  return c10::static_intrusive_pointer_cast<AttentionNode>(context->saved_data["node"].toCapsule());
}

at::Tensor last_contiguous(const at::Tensor& x) { return x.stride(-1) == 1 ? x : x.contiguous(); }

// fp64: plain loops both ways.
struct ReferenceFunction : Function<ReferenceFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q_THD, const at::Tensor& k_SGD,
                            const at::Tensor& v_SGD, const NodePointer& node) {
    context->save_for_backward({q_THD, k_SGD, v_SGD});
    context->saved_data["node"] = c10::IValue::make_capsule(node);
    return attention_reference(q_THD, k_SGD, v_SGD, *node->visible, node->options).o_THD;
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const NodePointer node = node_of(context);
    const AttentionReference result =
        attention_reference(saved[0], saved[1], saved[2], *node->visible, node->options, grads[0]);
    return {result.dq_THD, result.dk_SGD, result.dv_SGD, at::Tensor()};
  }
};

// fp32 on the CPU: vector kernels.
struct CpuFunction : Function<CpuFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q_THD, const at::Tensor& k_SGD,
                            const at::Tensor& v_SGD, const NodePointer& node) {
    const AttentionForward result =
        attention_cpu_forward(*attention_kernels(), q_THD, k_SGD, v_SGD, *node->visible, node->options);
    context->save_for_backward({q_THD, k_SGD, v_SGD, result.o_THD, result.statistics_2HT});
    context->saved_data["node"] = c10::IValue::make_capsule(node);
    return result.o_THD;
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const NodePointer node = node_of(context);
    const AttentionGradients result =
        attention_cpu_backward(*attention_kernels(), saved[0], saved[1], saved[2], *node->visible, node->options,
                               {saved[3], saved[4]}, last_contiguous(grads[0]));
    return {result.q_THD, result.k_SGD, result.v_SGD, at::Tensor()};
  }
};

enum class Path { reference, cpu, dense };

Path path_of(const at::Tensor& q_THD) {
  if (!q_THD.is_cpu()) return Path::dense;
  if (q_THD.scalar_type() == at::kDouble) return Path::reference;
  return attention_kernels() != nullptr ? Path::cpu : Path::dense;
}

bool needs_gradient(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return at::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
}

// 16-bit inputs are computed in fp32 on the CPU.
at::Tensor cpu_input(const at::Tensor& x) { return last_contiguous(x.to(at::kFloat)); }

}  // namespace

at::Tensor attention(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                     std::shared_ptr<const VisibleKeys> visible, const AttentionOptions& options) {
  check_attention(q_THD, k_SGD, v_SGD, *visible, options);
  const Path path = path_of(q_THD);
  if (path == Path::dense) return attention_dense(q_THD, k_SGD, v_SGD, *visible, options);
  if (!needs_gradient(q_THD, k_SGD, v_SGD)) return attention_forward(q_THD, k_SGD, v_SGD, *visible, options).o_THD;
  const auto node = c10::make_intrusive<AttentionNode>(std::move(visible), options);
  if (path == Path::reference) return ReferenceFunction::apply(q_THD, k_SGD, v_SGD, node);
  return CpuFunction::apply(cpu_input(q_THD), cpu_input(k_SGD), cpu_input(v_SGD), node).to(q_THD.scalar_type());
}

AttentionResult attention_forward(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                                  const VisibleKeys& visible, const AttentionOptions& options) {
  check_attention(q_THD, k_SGD, v_SGD, visible, options);
  const at::NoGradGuard no_grad;
  switch (path_of(q_THD)) {
    case Path::dense: return attention_dense_forward(q_THD, k_SGD, v_SGD, visible, options);
    case Path::reference: {
      const AttentionReference result = attention_reference(q_THD, k_SGD, v_SGD, visible, options);
      return {result.o_THD, result.lse_HT};
    }
    case Path::cpu: break;
  }
  const AttentionForward result = attention_cpu_forward(*attention_kernels(), cpu_input(q_THD), cpu_input(k_SGD),
                                                        cpu_input(v_SGD), visible, options);
  return {result.o_THD.to(q_THD.scalar_type()), log_sum_exp(result)};
}

}  // namespace dermis
