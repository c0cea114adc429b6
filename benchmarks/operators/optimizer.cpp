#include "benchmarks/operators/optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "benchmarks/operators/rows.h"
#include "kernels/adamw/adamw.h"

namespace dermis {
namespace {

constexpr AdamWSettings kStep{.lr = 1e-3, .weight_decay = 0.1, .step = 10};

OptimizerState random_state(const OperatorSetting& s, at::ScalarType weights, bool with_master) {
  at::manual_seed(1);
  OptimizerState state;
  const auto options = s.options().dtype(at::kFloat);
  for (int64_t i = 0; i < s.sizes.tensors; ++i) {
    const auto random = [&] { return at::randn({s.sizes.numbers}, options); };
    const at::Tensor exact = random();
    state.parameters.push_back(exact.to(weights));
    if (with_master) state.masters.push_back(exact);
    state.gradients.push_back(random().mul_(0.1).to(weights));
    state.first.push_back(random().mul_(0.01));
    state.second.push_back(random().square_().mul_(0.01));
  }
  return state;
}

Tensors copies(const Tensors& tensors) {
  Tensors result;
  for (const at::Tensor& x : tensors) result.push_back(x.clone());
  return result;
}

OptimizerState copy_of(const OptimizerState& s) {
  return {copies(s.parameters), s.gradients, copies(s.first), copies(s.second), copies(s.masters)};
}

OptimizerStep own_step(const OptimizerState& state) {
  std::vector<AdamWTensor> tensors;
  for (size_t i = 0; i < state.parameters.size(); ++i) {
    tensors.push_back({state.parameters[i], state.gradients[i], state.first[i], state.second[i], kStep});
    if (state.parameters[i].scalar_type() == at::kBFloat16)
      tensors.back().rounding = random_stream(1, RandomPurpose::rounding, kStep.step, i);
  }
  return [=] { adamw_step(tensors); };
}

// On fp32 copies of what is not fp32; weights become their nearest numbers.
void fused_step(const OptimizerState& state) {
  const at::NoGradGuard no_grad;
  const auto& masters = state.masters.empty() ? state.parameters : state.masters;
  Tensors weights, gradients, steps;
  for (size_t i = 0; i < masters.size(); ++i) {
    weights.push_back(masters[i].to(at::kFloat));
    gradients.push_back(state.gradients[i].to(at::kFloat));
    steps.push_back(at::full({}, static_cast<double>(kStep.step), weights.back().options()));
  }
  at::_fused_adamw_(weights, gradients, state.first, state.second, {}, steps, kStep.lr, kStep.beta1, kStep.beta2,
                    kStep.weight_decay, kStep.eps, /*amsgrad=*/false, /*maximize=*/false);
  for (size_t i = 0; i < weights.size(); ++i)
    if (!weights[i].is_same(state.parameters[i])) state.parameters[i].copy_(weights[i]);
}

// The definition, in fp64; leaves the state as it is.
Tensors exact_step(const OptimizerState& state) {
  const auto& masters = state.masters.empty() ? state.parameters : state.masters;
  const auto step = static_cast<double>(kStep.step);
  Tensors parameters, first, second;
  for (size_t i = 0; i < masters.size(); ++i) {
    const at::Tensor g = state.gradients[i].to(at::kDouble);
    const at::Tensor m = state.first[i].to(at::kDouble) * kStep.beta1 + g * (1 - kStep.beta1);
    const at::Tensor v = state.second[i].to(at::kDouble) * kStep.beta2 + g * g * (1 - kStep.beta2);
    const at::Tensor spread = (v / (1 - std::pow(kStep.beta2, step))).sqrt() + kStep.eps;
    parameters.push_back(masters[i].to(at::kDouble) * (1 - kStep.lr * kStep.weight_decay) -
                         m / (1 - std::pow(kStep.beta1, step)) / spread * kStep.lr);
    first.push_back(m);
    second.push_back(v);
  }
  return OptimizerState{parameters, {}, first, second, state.masters.empty() ? Tensors{} : parameters}.results();
}

std::string shape_of(const OperatorSetting& s) { return fmt::format("{} x {}", s.sizes.tensors, s.sizes.numbers); }

struct AdamWVariant {
  at::ScalarType weights;
  double number_bytes;  // that a number's step must move
  bool master = false;
};

using StepMaker = std::function<OptimizerStep(const OptimizerState&)>;

OperatorCase adamw_case(const OperatorSetting& s, const AdamWVariant& variant, const StepMaker& ours) {
  const auto begin = std::make_shared<const OptimizerState>(random_state(s, variant.weights, variant.master));
  OperatorCase result;
  result.shape = shape_of(s);
  result.bytes = static_cast<double>(s.sizes.tensors * s.sizes.numbers) * variant.number_bytes;
  result.allowed = allowed_operator_error(variant.weights);
  const auto add = [&](const char* name, const StepMaker& maker) {
    const OptimizerState state = copy_of(*begin);
    result.contenders.push_back({name, [=, step = maker(state)](size_t) {
                                   step();
                                   return state.results();
                                 }});
  };
  add("Dermis", ours);
  add(variant.weights == at::kFloat ? "at::_fused_adamw_" : "at::_fused_adamw_ on fp32 copies, to nearest",
      [](const OptimizerState& state) { return [=] { fused_step(state); }; });
  result.expected = [=] { return exact_step(*begin); };
  return result;
}

OperatorCase gradient_norm_case(const OperatorSetting& s) {
  at::manual_seed(1);
  const auto gradients = std::make_shared<Tensors>();
  for (int64_t i = 0; i < s.sizes.gradients; ++i) gradients->push_back(at::randn({s.sizes.numbers}, s.options()));
  OperatorCase result;
  result.shape = fmt::format("{} x {}", s.sizes.gradients, s.sizes.numbers);
  result.bytes = static_cast<double>(s.sizes.gradients * s.sizes.numbers) * s.element();  // read once; one number back
  result.allowed = allowed_operator_error(s.dtype);
  const auto scalar = [](double value) { return Tensors{at::scalar_tensor(value, at::kFloat)}; };
  result.contenders.push_back({"Dermis", [=](size_t) { return scalar(gradient_norm(*gradients)); }});
  // As torch.nn.utils.clip_grad_norm_ does, and then waits for the number, as ours does.
  result.contenders.push_back({"at::_foreach_norm", [=](size_t) {
                                 const at::NoGradGuard no_grad;
                                 const at::Tensor norms = at::stack(at::_foreach_norm(*gradients));
                                 return scalar(at::linalg_vector_norm(norms).item<double>());
                               }});
  result.expected = [=] {
    double sum = 0;
    for (const at::Tensor& g : *gradients) sum += g.to(at::kDouble).square().sum().item<double>();
    return scalar(std::sqrt(sum));
  };
  return result;
}

}  // namespace

Tensors OptimizerState::results() const {
  Tensors all;
  for (const Tensors* each : {&parameters, &first, &second, &masters})
    all.insert(all.end(), each->begin(), each->end());
  return all;
}

OperatorRows optimizer_rows(const OperatorSetting& s) {
  // Gradient read; moments, and what is updated, read and written; with a master copy its rounding written.
  constexpr double kFp32 = 4 + 2 * 8 + 2 * 4, kBf16 = 2 + 2 * 8 + 2 * 2, kMaster = 2 + 2 * 8 + 2 * 4 + 2;
  OperatorRows rows{{"adamw_fp32", "step", "fp32",
                     [=] {
                       return adamw_case(s, {at::kFloat, kFp32}, own_step);
                     }},
                    {"adamw_bf16", "step", "bf16, by chance", [=] {
                       return adamw_case(s, {at::kBFloat16, kBf16}, own_step);
                     }}};
  if (s.module != nullptr) {
    const StepMaker maker = [module = s.module](const OptimizerState& state) {
      return master_step(*module, state, kStep);
    };
    rows.push_back({"adamw_master", "step", "bf16, fp32 master", [=] {
                      return adamw_case(s, {at::kBFloat16, kMaster, /*master=*/true}, maker);
                    }});
  }
  rows.push_back({"gradient_norm", "norm", dtype_name(s.dtype), [=] { return gradient_norm_case(s); }});
  return rows;
}

}  // namespace dermis
