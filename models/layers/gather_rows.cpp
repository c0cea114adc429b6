#include "models/layers/gather_rows.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace dermis {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

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

at::Tensor gather_rows(const at::Tensor& x_TC, const at::Tensor& rows) { return GatherRows::apply(x_TC, rows); }

}  // namespace dermis
