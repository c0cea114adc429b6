#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <memory>

#include "benchmarks/operators/rows.h"
#include "kernels/image_normalise/image_normalise.h"

namespace dermis {
namespace {

constexpr std::array<float, 3> kMean{0.485F, 0.456F, 0.406F}, kDeviation{0.229F, 0.224F, 0.225F};

at::Tensor by_colour(const std::array<float, 3>& values, at::Device device) {
  return at::tensor(at::ArrayRef<float>(values), at::kFloat).view({1, 3, 1, 1}).to(device);
}

OperatorCase image_case(const OperatorSetting& s) {
  const int64_t size = s.sizes.image_size;
  OperatorCase result;
  result.shape = fmt::format("{} x 3 x {} x {}", s.sizes.images, size, size);
  result.bytes = static_cast<double>(s.sizes.images * 3 * size * size) * (1 + s.element());  // bytes in, numbers out
  result.sets = s.sets(result.bytes);
  at::manual_seed(1);
  const auto pixels = std::make_shared<Tensors>();
  for (size_t i = 0; i < result.sets; ++i)
    pixels->push_back(at::randint(256, {s.sizes.images, 3, size, size}, s.options().dtype(at::kByte)));
  const at::Tensor mean = by_colour(kMean, s.device), deviation = by_colour(kDeviation, s.device);
  const auto composed = [=](const at::Tensor& x) { return (x.to(at::kFloat) / 255 - mean) / deviation; };
  result.contenders = {
      {"Dermis",
       [=](size_t set) { return Tensors{image_normalise((*pixels)[set], kMean, kDeviation, s.device, s.dtype)}; }},
      {"to fp32, div, sub, div", [=](size_t set) { return Tensors{composed((*pixels)[set]).to(s.dtype)}; }}};
  result.expected = [=] { return Tensors{composed((*pixels)[0])}; };
  result.allowed = allowed_operator_error(s.dtype);
  return result;
}

}  // namespace

OperatorRows image_rows(const OperatorSetting& setting) {
  return {{"image_normalise", "forward", dtype_name(setting.dtype), [=] { return image_case(setting); }}};
}

}  // namespace dermis
