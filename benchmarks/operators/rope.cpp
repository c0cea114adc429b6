#include "kernels/rope/rope.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <numeric>

#include "benchmarks/operators/differentiable.h"
#include "benchmarks/operators/rows.h"

namespace dermis {
namespace {

at::Tensor rotated(const at::Tensor& x, const at::Tensor& cosines_T1D, const at::Tensor& sines_T1D) {
  const auto halves = x.chunk(2, -1);
  return x * cosines_T1D + at::cat({-halves[1], halves[0]}, -1) * sines_T1D;
}

at::Tensor twice_T1D(const at::Tensor& half_TD2) { return at::cat({half_TD2, half_TD2}, -1).unsqueeze(1); }

// x, our fp32 table of half a head, and transformers' table of a whole head in the type of x.
Tensors rope_operands(const OperatorSetting& s) {
  std::vector<int32_t> positions(static_cast<size_t>(s.sizes.tokens));
  std::iota(positions.begin(), positions.end(), 0);
  constexpr double kBase = 10000;
  const RopeTable table = rope_table(positions, s.sizes.head_size, kBase);
  const at::Tensor cosines = table.cos_TD2.to(s.device), sines = table.sin_TD2.to(s.device);
  return {at::randn({s.sizes.tokens, s.sizes.heads, s.sizes.head_size}, s.options()), cosines, sines,
          twice_T1D(cosines).to(s.dtype), twice_T1D(sines).to(s.dtype)};
}

}  // namespace

OperatorRows rope_rows(const OperatorSetting& s) {
  const double tokens = static_cast<double>(s.sizes.tokens), head = static_cast<double>(s.sizes.head_size);
  constexpr double kTableNumber = 4;
  // x; y; a cosine and a sine for each pair of a head's numbers. The gradient is the inverse rotation.
  const double bytes =
      2 * tokens * static_cast<double>(s.sizes.heads) * head * s.element() + tokens * head * kTableNumber;
  return rows_of("rope",
                 {.shape = fmt::format("{} x {} x {}", s.sizes.tokens, s.sizes.heads, s.sizes.head_size),
                  .forward_bytes = bytes,
                  .backward_bytes = bytes,
                  .operands = [=] { return rope_operands(s); },
                  .ours =
                      [](const Tensors& x) {
                        return Tensors{rope(x[0], {x[1], x[2]})};
                      },
                  .rivals = {{"rotate_half", [](const Tensors& x) { return Tensors{rotated(x[0], x[3], x[4])}; }}},
                  .exact = [](const Tensors& x) { return Tensors{rotated(x[0], twice_T1D(x[1]), twice_T1D(x[2]))}; }},
                 s);
}

}  // namespace dermis
