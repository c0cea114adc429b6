#include "benchmarks/attention/ceilings.h"

#include <ATen/ATen.h>

#include "benchmarks/attention/result.h"

namespace dermis {
namespace {

double median_of_ten(Stopwatch& stopwatch, const std::function<void()>& call) {
  call();
  std::vector<double> seconds;
  for (int i = 0; i < 10; ++i) seconds.push_back(stopwatch.seconds(call, 3));
  return summarize(seconds).median;
}

}  // namespace

double matmul_flops(Stopwatch& stopwatch, at::Device device) {
  constexpr int64_t kSize = 8192;
  const auto options = at::TensorOptions().dtype(at::kBFloat16).device(device);
  const at::Tensor a = at::randn({kSize, kSize}, options), b = at::randn({kSize, kSize}, options);
  at::Tensor c = at::empty({kSize, kSize}, options);
  return 2.0 * kSize * kSize * kSize / median_of_ten(stopwatch, [&] { at::mm_out(c, a, b); });
}

double copy_bytes(Stopwatch& stopwatch, at::Device device) {
  constexpr int64_t kNumbers = int64_t{1} << 28;
  const at::Tensor from = at::randn({kNumbers}, at::TensorOptions().dtype(at::kFloat).device(device));
  at::Tensor to = at::empty_like(from);
  return 2.0 * static_cast<double>(from.nbytes()) / median_of_ten(stopwatch, [&] { to.copy_(from); });
}

}  // namespace dermis
