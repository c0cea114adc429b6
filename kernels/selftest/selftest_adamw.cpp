#include <ATen/ATen.h>

#include <bit>

#include "kernels/adamw/adamw.h"
#include "kernels/selftest/selftest_makers.h"

namespace dermis {
namespace {

using TensorList = std::vector<at::Tensor>;

// The bf16 numbers that fp32 ones become by the chance numbers of a stream (kernels/adamw/adamw_cuda.h).
at::Tensor rounded_by_chance(const at::Tensor& exact, const RandomStream& stream) {
  const at::Tensor from = exact.to(at::kCPU), result = at::empty(exact.sizes(), at::kBFloat16);
  const float* numbers = from.const_data_ptr<float>();
  auto* rounded = result.mutable_data_ptr<at::BFloat16>();
  for (int64_t i = 0; i < from.numel(); ++i) {
    const auto words = philox({static_cast<uint32_t>(i / 8), 0, stream.start[0], stream.start[1]}, stream.key);
    const uint32_t chance = words[static_cast<size_t>(i % 8 / 2)] >> (16 * (i % 2)) & 0xffffU;
    rounded[i].x = static_cast<uint16_t>((std::bit_cast<uint32_t>(numbers[i]) + chance) >> 16);
  }
  return result;
}

// {by chance, with a master copy, moments, share of the parameters that the chance numbers explain}. The master copy is
// what the parameter would have been without rounding.
TensorList bf16_step(const TensorList& in, const AdamWSettings& settings, const RandomStream& stream) {
  const at::Tensor first = in[2].to(at::kFloat), second = in[3].to(at::kFloat);
  const AdamWTensor steps[] = {
      {in[0].clone(), in[1], first.clone(), second.clone(), settings, stream},
      {in[0].clone(), in[1], first.clone(), second.clone(), settings, std::nullopt, in[0].to(at::kFloat)}};
  adamw_step(steps);
  const at::Tensor explained = steps[0].parameter.cpu() == rounded_by_chance(steps[1].master, stream);
  return {steps[0].parameter, steps[1].parameter, steps[0].first_moment, steps[1].second_moment,
          explained.to(at::kDouble).mean()};
}

}  // namespace

SelftestCase make_adamw_case(SelftestDraw& draw) {
  const int64_t count = draw.between(1, 20000);
  const AdamWSettings settings{.lr = draw.random.uniform(1e-5, 1e-2),
                               .weight_decay = draw.random.uniform(0, 0.2),
                               .gradient_scale = draw.random.uniform(0.1, 1),
                               .step = draw.between(1, 1000)};
  const RandomStream stream = random_stream(draw.random.bits(), RandomPurpose::rounding);
  const auto numbers = [&] { return selftest_normal(draw, {count}); };
  return {selftest_shape({{"parameters", count}, {"step", settings.step}}),
          {numbers(), numbers(), numbers(), numbers().square_()},
          [settings, stream](const TensorList& in) {
            if (in[0].scalar_type() == at::kBFloat16) return bf16_step(in, settings, stream);
            const AdamWTensor step{in[0].clone(), in[1], in[2].clone(), in[3].clone(), settings};
            adamw_step(std::span(&step, 1));
            return TensorList{step.parameter, step.parameter, step.first_moment, step.second_moment,
                              at::ones({}, at::kDouble)};
          },
          /*differentiable=*/false};
}

SelftestCase make_gradient_norm_case(SelftestDraw& draw) {
  const int64_t first = draw.between(1, 20000), second = draw.between(1, 300);
  return {selftest_shape({{"numbers", first}, {"and", second}}),
          {selftest_normal(draw, {first}), selftest_normal(draw, {second})},
          [](const TensorList& in) { return TensorList{at::scalar_tensor(gradient_norm(in), at::kDouble)}; },
          /*differentiable=*/false};
}

}  // namespace dermis
