#include "kernels/linear_ce/linear_ce.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <memory>

#include "benchmarks/operators/rows.h"
#include "core/random.h"
#include "kernels/operand/index_tensor.h"

namespace dermis {
namespace {

struct HeadProblem {
  at::Tensor x_LC, weight_VC, labels_L;
  std::vector<int32_t> labels;
  std::vector<float> ones;
  double divisor() const { return static_cast<double>(labels.size()); }
};

HeadProblem head_problem(const OperatorSetting& s) {
  at::manual_seed(1);
  HeadProblem p{at::randn({s.sizes.label_rows, s.sizes.word_width}, s.options()),
                at::randn({s.sizes.vocabulary, s.sizes.word_width}, s.options()) * 0.05,
                {},
                {},
                {}};
  Random random(1, RandomPurpose::selftest);
  for (int64_t i = 0; i < s.sizes.label_rows; ++i) {
    p.labels.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(s.sizes.vocabulary))));
    p.ones.push_back(1);
  }
  p.labels_L = index_tensor(std::span<const int32_t>(p.labels), s.device);
  return p;
}

// Loss, and gradients of x and weight.
Tensors with_gradients(const at::Tensor& x_LC, const at::Tensor& weight_VC,
                       const std::function<at::Tensor(const at::Tensor&, const at::Tensor&)>& loss_of) {
  const at::Tensor x = x_LC.detach().requires_grad_(), weight = weight_VC.detach().requires_grad_();
  const at::Tensor loss = loss_of(x, weight);
  Tensors results = torch::autograd::grad({loss}, {x, weight});
  results.insert(results.begin(), loss.detach());
  return results;
}

at::Tensor full_logits_loss(const HeadProblem& p, const at::Tensor& x, const at::Tensor& weight, bool upcast) {
  const at::Tensor logits = at::linear(x, weight);
  return at::cross_entropy_loss(upcast ? logits.to(at::kFloat) : logits, p.labels_L);
}

OperatorCase linear_ce_case(const OperatorSetting& s) {
  const auto p = std::make_shared<const HeadProblem>(head_problem(s));
  const double rows = static_cast<double>(s.sizes.label_rows), words = static_cast<double>(s.sizes.vocabulary);
  const double width = static_cast<double>(s.sizes.word_width);
  OperatorCase result;
  result.shape = fmt::format("{} x {} x {}", s.sizes.label_rows, s.sizes.word_width, s.sizes.vocabulary);
  // x, weight, labels and their weights; gradients of x and weight. Logits need not reach memory.
  result.bytes = 2 * (rows + words) * width * s.element() + rows * (sizeof(int32_t) + sizeof(float));
  result.flops = 3 * 2 * rows * width * words;  // logits, gradients of x and of the weight
  result.allowed = allowed_operator_error(s.dtype);
  result.contenders.push_back(
      {"Dermis", [=](size_t) {
         return with_gradients(p->x_LC, p->weight_VC, [&](const at::Tensor& x, const at::Tensor& weight) {
           return linear_cross_entropy(x, weight, p->labels, p->ones, {.divisor = p->divisor()});
         });
       }});
  const auto add = [&](const char* name, bool upcast) {
    result.contenders.push_back({name, [=](size_t) {
                                   return with_gradients(p->x_LC, p->weight_VC,
                                                         [&](const at::Tensor& x, const at::Tensor& weight) {
                                                           return full_logits_loss(*p, x, weight, upcast);
                                                         });
                                 }});
  };
  add("full logits, fp32 loss", true);
  if (s.dtype != at::kFloat) add("full logits", false);
  result.expected = [=] {
    return with_gradients(
        p->x_LC.to(at::kFloat), p->weight_VC.to(at::kFloat),
        [&](const at::Tensor& x, const at::Tensor& weight) { return full_logits_loss(*p, x, weight, true); });
  };
  return result;
}

}  // namespace

OperatorRows linear_ce_rows(const OperatorSetting& setting) {
  return {{"linear_cross_entropy", "forward + backward", dtype_name(setting.dtype),
           [=] { return linear_ce_case(setting); }}};
}

}  // namespace dermis
