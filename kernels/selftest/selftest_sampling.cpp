#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/sampling/sampling.h"
#include "kernels/selftest/selftest_makers.h"

namespace dermis {
namespace {

using TensorList = std::vector<at::Tensor>;

// A row of logits in the order of drawing, with the shares of its tokens added up.
class Shares {
 public:
  Shares(const double* logits, size_t vocabulary, const SamplingOptions& options) : order_(vocabulary) {
    std::iota(order_.begin(), order_.end(), 0);
    std::stable_sort(order_.begin(), order_.end(), [&](int64_t a, int64_t b) { return logits[a] > logits[b]; });
    size_t kept = vocabulary;
    if (options.top_k > 0) kept = std::min(kept, static_cast<size_t>(options.top_k));
    if (options.temperature == 0) kept = 1;
    sums_.push_back(0);
    for (size_t i = 0; i < kept; ++i) {
      const double distance =
          options.temperature == 0 ? 0 : (logits[order_[i]] - logits[order_[0]]) / options.temperature;
      sums_.push_back(sums_.back() + std::exp(distance));
    }
  }

  // How far the draw lies outside the token's share. Either cut will do where top_p all but meets a sum of shares.
  double outside(int64_t token, double draw, double top_p) const {
    constexpr double kAllBut = 1e-5;
    const auto place = static_cast<size_t>(std::find(order_.begin(), order_.end(), token) - order_.begin());
    double least = 1;
    for (size_t kept = fewest(top_p - kAllBut); kept <= fewest(top_p + kAllBut); ++kept) {
      if (place >= kept) continue;
      const double from = sums_[place] / sums_[kept], to = sums_[place + 1] / sums_[kept];
      least = std::min(least, std::max({0.0, from - draw, draw - to}));
    }
    return least;
  }

 private:
  // Tokens whose shares reach top_p.
  size_t fewest(double top_p) const {
    const auto reached = std::lower_bound(sums_.begin() + 1, sums_.end(), top_p * sums_.back());
    return std::min(static_cast<size_t>(reached - sums_.begin()), sums_.size() - 1);
  }

  std::vector<int64_t> order_;
  std::vector<double> sums_;
};

SamplingOptions draw_options(SelftestDraw& draw, int64_t vocabulary) {
  SamplingOptions options;
  if (draw.chance(0.2)) return options;  // the largest
  options.temperature = static_cast<float>(draw.random.uniform(0.3, 2));
  if (draw.chance(0.5)) options.top_k = draw.between(1, vocabulary);
  if (draw.chance(0.5)) options.top_p = draw.random.uniform(0.05, 1);
  return options;
}

}  // namespace

SelftestCase make_sampling_case(SelftestDraw& draw) {
  const int64_t rows = draw.between(1, 12), vocabulary = draw.between(2, 5000);
  const SamplingOptions options = draw_options(draw, vocabulary);
  std::vector<double> draws;
  for (int64_t i = 0; i < rows; ++i) draws.push_back(draw.random.uniform());
  return {selftest_shape({{"rows", rows}, {"vocabulary", vocabulary}, {"top-k", options.top_k}}) +
              (options.temperature == 0 ? ", greedy"
               : options.top_p < 1      ? ", top-p"
                                        : ""),
          {selftest_normal(draw, {rows, vocabulary}, 3)},
          [=](const TensorList& in) {
            const std::vector<int32_t> tokens = sample_tokens(in[0], draws, options);
            const at::Tensor logits = in[0].to(at::kCPU, at::kDouble).contiguous();
            at::Tensor outside = at::empty({rows}, at::kDouble);
            for (int64_t row = 0; row < rows; ++row) {
              const auto index = static_cast<size_t>(row);
              const Shares shares(logits.const_data_ptr<double>() + row * vocabulary, static_cast<size_t>(vocabulary),
                                  options);
              outside[row] = 1 + shares.outside(tokens[index], draws[index], options.top_p);
            }
            return TensorList{outside};
          },
          /*differentiable=*/false};
}

}  // namespace dermis
