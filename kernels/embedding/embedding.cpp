#include "kernels/embedding/embedding.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/cuda/cuda_rows.h"
#include "kernels/embedding/embedding_kernel.h"
#include "kernels/operand/index_tensor.h"
#include "kernels/operand/operand.h"

namespace dermis {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr const char *kName = "embed_tokens", *kBackward = "embed_tokens, backward";

EmbeddingRows::Gathers gathers(std::span<const int32_t> targets, std::span<const int32_t> sources, at::Device device) {
  const RowGroups groups = group_rows(targets, sources);
  return {index_tensor(groups.targets, device), index_tensor(groups.offsets, device),
          index_tensor(groups.sources, device)};
}

// What our backward pass gathers, for rows that were made without autograd or while LibTorch's operators were chosen.
EmbeddingRows with_gathers(EmbeddingRows rows) {
  const at::Device device = rows.text_rows.device();
  const auto on_host = [](const at::Tensor& indices) {
    const at::Tensor host = indices.to(at::kCPU, at::kInt);
    return std::vector<int32_t>(host.const_data_ptr<int32_t>(), host.const_data_ptr<int32_t>() + host.numel());
  };
  rows.words = gathers(on_host(rows.text_ids), on_host(rows.text_rows), device);
  rows.features = gathers(on_host(rows.image_rows), on_host(rows.image_slots), device);
  return rows;
}

void check_limits(const at::Tensor& weight, const EmbeddingRows& rows, bool gradient) {
  // Blocks of the sums over rows are numbered by column in the second axis of a grid, which ends here.
  constexpr int64_t kMostGridRows = 65535, kWidest = kMostGridRows * RowSumsKernel<float>::kColumns;
  check_pieces(kName, rows.token_count, weight.size(1), weight);
  if (gradient) check_kernel_limit(kName, "numbers a row", weight.size(1), kWidest, weight, "use narrower rows");
}

const int64_t* data_of(const at::Tensor& rows) { return rows.const_data_ptr<int64_t>(); }

at::Tensor embed(const CudaModule* module, const at::Tensor& weight, const at::Tensor& features,
                 const EmbeddingRows& rows, double scale) {
  at::Tensor out = device_empty(kName, {rows.token_count, weight.size(1)}, weight.options());
  if (module == nullptr) {
    out.index_copy_(0, rows.text_rows, weight.index_select(0, rows.text_ids).mul_(scale));
    if (rows.image_slots.numel() > 0) out.index_copy_(0, rows.image_slots, features.index_select(0, rows.image_rows));
    return out;
  }
  const EmbeddingForwardParams params{.type = element_type(weight),
                                      .embedding = input_rows(weight),
                                      .features = input_rows(features),
                                      .out = output_rows(out),
                                      .text_rows = data_of(rows.text_rows),
                                      .text_ids = data_of(rows.text_ids),
                                      .image_slots = data_of(rows.image_slots),
                                      .image_rows = data_of(rows.image_rows),
                                      .texts = rows.text_rows.numel(),
                                      .images = rows.image_slots.numel(),
                                      .width = static_cast<int32_t>(weight.size(1)),
                                      .scale = static_cast<float>(scale)};
  launch_kernel(*module, kName, out, [&](void* stream) { return module->entries->embedding_forward(params, stream); });
  return out;
}

// sum over the gradient rows that each row of a table of `count` rows was copied to.
at::Tensor gathered(const CudaModule& module, const at::Tensor& gradient, const EmbeddingRows::Gathers& gathers,
                    int64_t count, double scale) {
  const at::Tensor out = device_empty(kBackward, {count, gradient.size(1)}, gradient.options());
  out.zero_();
  const RowSumsParams params{.type = element_type(gradient),
                             .rows = input_rows(gradient),
                             .out = output_rows(out),
                             .targets = data_of(gathers.targets),
                             .offsets = data_of(gathers.offsets),
                             .sources = data_of(gathers.sources),
                             .groups = gathers.targets.numel(),
                             .width = static_cast<int32_t>(gradient.size(1)),
                             .scale = static_cast<float>(scale)};
  launch_kernel(module, kBackward, gradient, [&](void* stream) { return module.entries->row_sums(params, stream); });
  return out;
}

struct Node : torch::CustomClassHolder {
  Node(const EmbeddingRows& node_rows, const CudaModule* node_module, double node_scale, int64_t v, int64_t f)
      : rows(node_rows), module(node_module), scale(node_scale), vocabulary(v), feature_rows(f) {}
  EmbeddingRows rows;
  const CudaModule* module;
  double scale;
  int64_t vocabulary, feature_rows;
};

class EmbedTokens : public torch::autograd::Function<EmbedTokens> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& weight, const at::Tensor& features,
                            const c10::intrusive_ptr<Node>& node) {
    context->saved_data["node"] = c10::IValue::make_capsule(node);
    return embed(node->module, weight, features, node->rows, node->scale);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto node = c10::static_intrusive_pointer_cast<Node>(context->saved_data["node"].toCapsule());
    const EmbeddingRows& rows = node->rows;
    const at::Tensor gradient = device_contiguous(kBackward, gradients[0]);
    at::Tensor weight, features;
    if (node->module != nullptr) {
      if (context->needs_input_grad(0))
        weight = gathered(*node->module, gradient, rows.words, node->vocabulary, node->scale);
      if (context->needs_input_grad(1))
        features = gathered(*node->module, gradient, rows.features, node->feature_rows, 1.0);
      return {weight, features, at::Tensor()};
    }
    if (context->needs_input_grad(0)) {
      weight = at::zeros({node->vocabulary, gradient.size(1)}, gradient.options());
      weight.index_add_(0, rows.text_ids, gradient.index_select(0, rows.text_rows).mul_(node->scale));
    }
    if (context->needs_input_grad(1)) {
      features = at::zeros({node->feature_rows, gradient.size(1)}, gradient.options());
      features.index_add_(0, rows.image_rows, gradient.index_select(0, rows.image_slots));
    }
    return {weight, features, at::Tensor()};
  }
};

}  // namespace

EmbeddingRows embedding_rows(std::span<const int32_t> text_rows, std::span<const int32_t> text_ids,
                             std::span<const int32_t> image_slots, std::span<const int32_t> image_rows,
                             at::Device device) {
  const auto count = static_cast<int64_t>(text_rows.size() + image_slots.size());
  const auto wanted = [&] { return std::to_string(count) + " row numbers"; };
  return naming_lack_of_memory(kName, wanted, device, [&] {
    EmbeddingRows rows{.text_rows = index_tensor(text_rows, device),
                       .text_ids = index_tensor(text_ids, device),
                       .image_slots = index_tensor(image_slots, device),
                       .image_rows = index_tensor(image_rows, device),
                       .token_count = count};
    if (at::GradMode::is_enabled() && cuda_kernels_for(kName, device, at::kFloat) != nullptr) {
      rows.words = gathers(text_ids, text_rows, device);
      rows.features = gathers(image_rows, image_slots, device);
    }
    return rows;
  });
}

at::Tensor embed_tokens(const at::Tensor& weight_VC, const at::Tensor& features, const EmbeddingRows& rows,
                        double scale) {
  check_operand(weight_VC.defined() && weight_VC.dim() == 2 && weight_VC.is_floating_point(), kName, "weight",
                "floating [V, C]", weight_VC);
  const at::Tensor given = features.defined() ? features : at::empty({0, weight_VC.size(1)}, weight_VC.options());
  check_operand(given.dim() == 2 && given.size(1) == weight_VC.size(1) &&
                    given.scalar_type() == weight_VC.scalar_type() && given.device() == weight_VC.device(),
                kName, "features", "[N * M, C] with C, type and device of weight", given);
  const CudaModule* module = cuda_kernels_for(kName, weight_VC);
  const bool gradient = needs_gradient({&weight_VC, &given});
  if (module != nullptr) check_limits(weight_VC, rows, gradient);
  return naming_lack_of_memory(kName, weight_VC, [&] {
    const bool lacks_gathers = module != nullptr && gradient && !rows.words.targets.defined();
    const auto node = c10::make_intrusive<Node>(lacks_gathers ? with_gathers(rows) : rows, module, scale,
                                                weight_VC.size(0), given.size(0));
    return EmbedTokens::apply(weight_VC.contiguous(), given.contiguous(), node);
  });
}

}  // namespace dermis
