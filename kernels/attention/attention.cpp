#include "kernels/attention/attention.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/attention/attention_checks.h"
#include "kernels/attention/attention_cpu.h"
#include "kernels/attention/attention_cuda.h"
#include "kernels/attention/attention_dense.h"
#include "kernels/attention/device/decode_launch.h"

namespace dermis {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// What the backward pass needs beside tensors, held by the graph without copying the intervals.
struct AttentionNode : public torch::CustomClassHolder {
  AttentionNode(std::shared_ptr<const VisibleKeys> visible, const AttentionOptions& options, const CudaModule* module)
      : visible(std::move(visible)), options(options), module(module) {}
  std::shared_ptr<const VisibleKeys> visible;
  AttentionOptions options;
  const CudaModule* module;  // nullptr: CPU
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

// Our kernels: fp32 on the CPU, 16-bit numbers on a GPU. `statistics`: what the device's forward pass leaves for the
// backward pass, beside o.
struct OwnFunction : Function<OwnFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q_THD, const at::Tensor& k_SGD,
                            const at::Tensor& v_SGD, const NodePointer& node) {
    at::Tensor o_THD, statistics;
    if (node->module != nullptr) {
      const AttentionResult result =
          attention_cuda_forward(*node->module, q_THD, k_SGD, v_SGD, *node->visible, node->options, true);
      o_THD = result.o_THD;
      statistics = result.lse_HT;
    } else {
      const AttentionForwardResult result =
          attention_cpu_forward(*attention_kernels(), q_THD, k_SGD, v_SGD, *node->visible, node->options);
      o_THD = result.o_THD;
      statistics = result.statistics_2HT;
    }
    context->save_for_backward({q_THD, k_SGD, v_SGD, o_THD, statistics});
    context->saved_data["node"] = c10::IValue::make_capsule(node);
    return o_THD;
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const NodePointer node = node_of(context);
    if (node->module != nullptr) {
      const AttentionCudaGradients result = attention_cuda_backward(
          *node->module, saved[0], saved[1], saved[2], *node->visible, node->options, {saved[3], saved[4]}, grads[0]);
      return {result.q_THD, result.k_SGD, result.v_SGD, at::Tensor()};
    }
    const AttentionGradients result =
        attention_cpu_backward(*attention_kernels(), saved[0], saved[1], saved[2], *node->visible, node->options,
                               {saved[3], saved[4]}, last_contiguous(grads[0]));
    return {result.q_THD, result.k_SGD, result.v_SGD, at::Tensor()};
  }
};

enum class Path { reference, cpu, cuda, dense };

struct Choice {
  Path path;
  const CudaModule* module = nullptr;  // of Path::cuda
};

Choice choose_path(const at::Tensor& q_THD) {
  if (const CudaModule* module = attention_module("attention", q_THD); module != nullptr) return {Path::cuda, module};
  if (!q_THD.is_cpu()) return {Path::dense};
  if (q_THD.scalar_type() == at::kDouble) return {Path::reference};
  return {attention_kernels() != nullptr ? Path::cpu : Path::dense};
}

bool needs_gradient(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return at::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
}

// 16-bit inputs are computed in fp32 on the CPU.
at::Tensor cpu_input(const at::Tensor& x) { return last_contiguous(x.to(at::kFloat)); }

AttentionForwardResult cpu_forward(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                                   const VisibleKeys& visible, const AttentionOptions& options) {
  return attention_cpu_forward(*attention_kernels(), cpu_input(q_THD), cpu_input(k_SGD), cpu_input(v_SGD), visible,
                               options);
}

}  // namespace

at::Tensor attention(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                     std::shared_ptr<const VisibleKeys> visible, const AttentionOptions& options) {
  check_attention(q_THD, k_SGD, v_SGD, *visible, options);
  const Choice choice = choose_path(q_THD);
  if (choice.path == Path::dense) return attention_dense(q_THD, k_SGD, v_SGD, *visible, options);
  if (!needs_gradient(q_THD, k_SGD, v_SGD)) {
    if (choice.path == Path::cpu)
      return cpu_forward(q_THD, k_SGD, v_SGD, *visible, options).o_THD.to(q_THD.scalar_type());
    return attention_forward(q_THD, k_SGD, v_SGD, *visible, options).o_THD;
  }
  const auto node = c10::make_intrusive<AttentionNode>(std::move(visible), options, choice.module);
  if (choice.path == Path::reference) return ReferenceFunction::apply(q_THD, k_SGD, v_SGD, node);
  if (choice.path == Path::cpu)
    return OwnFunction::apply(cpu_input(q_THD), cpu_input(k_SGD), cpu_input(v_SGD), node).to(q_THD.scalar_type());
  const at::Tensor q = last_contiguous(q_THD), k = last_contiguous(k_SGD), v = last_contiguous(v_SGD);
  check_cuda_attention(q, k, v, options);
  return OwnFunction::apply(q, k, v, node);
}

AttentionResult attention_forward(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                                  const VisibleKeys& visible, const AttentionOptions& options) {
  check_attention(q_THD, k_SGD, v_SGD, visible, options);
  const at::NoGradGuard no_grad;
  const Choice choice = choose_path(q_THD);
  switch (choice.path) {
    case Path::dense: return attention_dense_forward(q_THD, k_SGD, v_SGD, visible, options);
    case Path::reference: {
      const AttentionReference result = attention_reference(q_THD, k_SGD, v_SGD, visible, options);
      return {result.o_THD, result.lse_HT};
    }
    case Path::cuda: {
      const at::Tensor q = last_contiguous(q_THD), k = last_contiguous(k_SGD), v = last_contiguous(v_SGD);
      check_cuda_attention(q, k, v, options);
      const bool decode = q.size(1) / k.size(1) <= kDecodeMaxRows && rows_share_no_key(visible);
      return decode ? attention_cuda_decode(*choice.module, q, k, v, visible, options)
                    : attention_cuda_forward(*choice.module, q, k, v, visible, options, false);
    }
    case Path::cpu: break;
  }
  const AttentionForwardResult result = cpu_forward(q_THD, k_SGD, v_SGD, visible, options);
  return {result.o_THD.to(q_THD.scalar_type()), log_sum_exp(result)};
}

}  // namespace dermis
