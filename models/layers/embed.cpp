#include "models/layers/embed.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace dermis {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class EmbedTokens : public torch::autograd::Function<EmbedTokens> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& weight, const at::Tensor& features,
                            const PackedBatch& batch, double scale) {
    context->save_for_backward({batch.text_rows, batch.text_ids, batch.image_slots, batch.image_rows});
    context->saved_data["scale"] = scale;
    context->saved_data["vocabulary"] = weight.size(0);
    context->saved_data["features"] = features.size(0);
    at::Tensor out = at::empty({batch.token_count, weight.size(1)}, weight.options());
    out.index_copy_(0, batch.text_rows, weight.index_select(0, batch.text_ids).mul_(scale));
    if (batch.image_slots.numel() > 0)
      out.index_copy_(0, batch.image_slots, features.index_select(0, batch.image_rows));
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& gradient = gradients[0];
    at::Tensor weight, features;
    if (context->needs_input_grad(0)) {
      weight = at::zeros({context->saved_data["vocabulary"].toInt(), gradient.size(1)}, gradient.options());
      weight.index_add_(0, saved[1], gradient.index_select(0, saved[0]).mul_(context->saved_data["scale"].toDouble()));
    }
    if (context->needs_input_grad(1)) {
      features = at::zeros({context->saved_data["features"].toInt(), gradient.size(1)}, gradient.options());
      features.index_add_(0, saved[3], gradient.index_select(0, saved[2]));
    }
    return {weight, features, at::Tensor(), at::Tensor()};
  }
};

// index_select's own backward adds row by row; distinct rows can be copied.
class GatherRows : public torch::autograd::Function<GatherRows> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& rows) {
    context->save_for_backward({rows});
    context->saved_data["count"] = x.size(0);
    return x.index_select(0, rows);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor& gradient = gradients[0];
    at::Tensor whole = at::zeros({context->saved_data["count"].toInt(), gradient.size(1)}, gradient.options());
    whole.index_copy_(0, context->get_saved_variables()[0], gradient);
    return {whole, at::Tensor()};
  }
};

}  // namespace

at::Tensor embed_tokens(const at::Tensor& weight_VC, const at::Tensor& features, const PackedBatch& batch,
                        double scale) {
  const at::Tensor given = features.defined() ? features : at::empty({0, weight_VC.size(1)}, weight_VC.options());
  return EmbedTokens::apply(weight_VC, given, batch, scale);
}

at::Tensor gather_rows(const at::Tensor& x_TC, const at::Tensor& rows) { return GatherRows::apply(x_TC, rows); }

}  // namespace dermis
