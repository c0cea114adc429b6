#include "benchmarks/ceilings.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cstring>

#include "benchmarks/contest/row.h"

namespace dermis {
namespace {

constexpr int kCalls = 3;

double median_of_ten(const Rate& rate) {
  std::vector<double> rates;
  for (int i = 0; i < 10; ++i) rates.push_back(rate());
  return summarize(rates).median;
}

// memcpy writes long pieces without first reading what it overwrites; LibTorch's copy_ does not.
void copy_on_cpu(const at::Tensor& to, const at::Tensor& from) {
  const auto* source = static_cast<const char*>(from.const_data_ptr());
  auto* target = static_cast<char*>(to.mutable_data_ptr());
  const auto bytes = static_cast<int64_t>(from.nbytes());
  constexpr int64_t kPiece = int64_t{4} << 20;
  at::parallel_for(0, bytes, kPiece, [&](int64_t begin, int64_t end) {
    std::memcpy(target + begin, source + begin, static_cast<size_t>(end - begin));
  });
}

}  // namespace

Rate matmul_rate(Stopwatch& stopwatch, const at::TensorOptions& options, int64_t size) {
  const at::Tensor a = at::randn({size, size}, options), b = at::randn({size, size}, options);
  at::Tensor c = at::mm(a, b);
  const double operations = 2.0 * static_cast<double>(size * size * size);
  return [=, &stopwatch]() mutable { return operations / stopwatch.seconds([&] { at::mm_out(c, a, b); }, kCalls); };
}

Rate copy_rate(Stopwatch& stopwatch, at::Device device, int64_t bytes) {
  const at::Tensor from = at::randn({bytes / 4}, at::TensorOptions().dtype(at::kFloat).device(device));
  const at::Tensor to = from.clone();
  return [=, &stopwatch] {
    const auto copy = [&] { device.is_cpu() ? copy_on_cpu(to, from) : static_cast<void>(to.copy_(from)); };
    return 2.0 * static_cast<double>(from.nbytes()) / stopwatch.seconds(copy, kCalls);
  };
}

double matmul_flops(Stopwatch& stopwatch, at::Device device) {
  return median_of_ten(matmul_rate(stopwatch, at::TensorOptions().dtype(at::kBFloat16).device(device), 8192));
}

double copy_bytes(Stopwatch& stopwatch, at::Device device) {
  return median_of_ten(copy_rate(stopwatch, device, int64_t{1} << 30));
}

}  // namespace dermis
