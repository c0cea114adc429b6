#include "kernels/adamw/adamw.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "kernels/adamw/adamw_factors.h"
#include "kernels/adamw/adamw_gpu.h"
#include "kernels/operand/operand.h"
#include "kernels/simd/cpu_features.h"

namespace dermis {
namespace {

// Work unit of the threads: 7 streams of 16 KiB stay in a core's second-level cache.
constexpr int64_t kBlock = 4096;

const AdamWKernels* vector_kernels() { return choose_kernels(kAdamWAvx2, kAdamWAvx512); }

// Flattens tensors into blocks; locate(block) finds tensor and offset.
class Blocks {
 public:
  void add(int64_t count) { ends_.push_back(total() + (count + kBlock - 1) / kBlock); }
  int64_t total() const { return ends_.empty() ? 0 : ends_.back(); }
  // body(tensor index, block index within the tensor) over [begin, end).
  template <typename Body>
  void visit(int64_t begin, int64_t end, Body body) const {
    auto tensor = static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), begin) - ends_.begin());
    for (int64_t block = begin; block < end; ++block) {
      while (block >= ends_[tensor]) ++tensor;
      body(tensor, block - (tensor == 0 ? 0 : ends_[tensor - 1]));
    }
  }

 private:
  std::vector<int64_t> ends_;
};

struct FlatTensor {
  float *parameter, *first, *second;
  const float* gradient;
  int64_t count;
  AdamWFactors factors;
};

void check(const AdamWTensor& t) {
  check_operand(t.parameter.defined() && t.parameter.is_contiguous() && t.parameter.is_floating_point(), "adamw_step",
                "parameter", "contiguous and floating", t.parameter);
  for (const at::Tensor* other : {&t.gradient, &t.first_moment, &t.second_moment})
    check_operand(other->defined() && other->sizes() == t.parameter.sizes() && other->is_contiguous() &&
                      other->device() == t.parameter.device(),
                  "adamw_step", "gradient or moment", "contiguous, with shape and device of the parameter", *other);
  const at::ScalarType type = t.parameter.scalar_type();
  check_operand(type == at::kFloat || type == at::kBFloat16 || type == at::kDouble, "adamw_step", "parameter",
                "fp32, bf16 or fp64", t.parameter);
  check_operand(!t.rounding || type == at::kBFloat16, "adamw_step", "parameter", "bf16, to be rounded by chance",
                t.parameter);
  if (t.master.defined()) {
    check_operand(type == at::kBFloat16 && !t.rounding, "adamw_step", "parameter",
                  "bf16 and rounded to nearest, to have a master copy", t.parameter);
    check_operand(t.master.scalar_type() == at::kFloat && t.master.sizes() == t.parameter.sizes() &&
                      t.master.is_contiguous() && t.master.device() == t.parameter.device(),
                  "adamw_step", "master", "contiguous fp32, with shape and device of the parameter", t.master);
  }
  for (const at::Tensor* moment : {&t.first_moment, &t.second_moment})
    check_operand(moment->scalar_type() == (type == at::kDouble ? type : at::kFloat), "adamw_step", "moment",
                  "fp32 (fp64 for an fp64 parameter)", *moment);
  if (t.settings.step < 1) fail_operand("adamw_step", "settings.step", "1 or more", std::to_string(t.settings.step));
}

using GpuPlace = std::pair<const CudaModule*, c10::DeviceIndex>;  // tensors of one place share a launch

const CudaModule* module_of(const AdamWTensor& t) {
  if (t.parameter.scalar_type() == at::kDouble || t.gradient.scalar_type() == at::kDouble) return nullptr;
  return cuda_kernels_for("adamw_step", t.parameter);
}

bool is_vector_case(const AdamWTensor& t) {
  return is_cpu_fp32(t.parameter) && is_cpu_fp32(t.gradient) && vector_kernels() != nullptr;
}

// From LibTorch operators: fp64, and devices without our kernels.
void composed_step(const AdamWTensor& t) {
  const AdamWSettings& s = t.settings;
  const auto step = static_cast<double>(s.step);
  const at::Tensor gradient = t.gradient.to(t.parameter.scalar_type()) * s.gradient_scale;
  t.first_moment.mul_(s.beta1).add_(gradient, 1 - s.beta1);
  t.second_moment.mul_(s.beta2).addcmul_(gradient, gradient, 1 - s.beta2);
  const at::Tensor spread = t.second_moment.sqrt().div_(std::sqrt(1 - std::pow(s.beta2, step))).add_(s.eps);
  t.parameter.mul_(1 - s.lr * s.weight_decay);
  t.parameter.addcdiv_(t.first_moment, spread, -s.lr / (1 - std::pow(s.beta1, step)));
}

// A number lies u / 65536 of the way from one bf16 to the next: adding 16 random bits carries into the upper half with
// just that probability. The numbers of a stream are shared out as the kernel does it (adamw_cuda.h).
void round_by_chance(const at::Tensor& exact, const RandomStream& stream, const at::Tensor& parameter) {
  constexpr int64_t kEight = 8;
  const at::Tensor rounded = exact.to(at::kBFloat16);  // what is not finite stays so
  const float* from = exact.const_data_ptr<float>();
  auto* to = rounded.mutable_data_ptr<at::BFloat16>();
  const int64_t count = exact.numel();
  at::parallel_for(0, (count + kEight - 1) / kEight, 1024, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const auto n = static_cast<uint64_t>(piece);
      const auto words = philox(
          {static_cast<uint32_t>(n), static_cast<uint32_t>(n >> 32), stream.start[0], stream.start[1]}, stream.key);
      for (int64_t i = piece * kEight; i < std::min(count, (piece + 1) * kEight); ++i) {
        if (!std::isfinite(from[i])) continue;
        const int64_t lane = i % kEight;
        const uint32_t chance = words[static_cast<size_t>(lane / 2)] >> (16 * (lane % 2)) & 0xffffU;
        to[i].x = static_cast<uint16_t>((std::bit_cast<uint32_t>(from[i]) + chance) >> 16);
      }
    }
  });
  parameter.copy_(rounded);
}

// A bf16 parameter where our kernels are not: it, or its master copy, is stepped in fp32 and rounded.
void bf16_step(const AdamWTensor& t) {
  AdamWTensor exact = t;
  exact.parameter = (t.master.defined() ? t.master : t.parameter).to(at::kCPU, at::kFloat);
  exact.master.reset();
  exact.gradient = t.gradient.to(at::kCPU, at::kFloat);
  exact.first_moment = t.first_moment.cpu();
  exact.second_moment = t.second_moment.cpu();
  exact.rounding.reset();
  adamw_step(std::span(&exact, 1));
  if (t.rounding) {
    round_by_chance(exact.parameter, *t.rounding, t.parameter);
  } else {
    t.parameter.copy_(exact.parameter);
  }
  if (t.parameter.is_cpu()) return;
  if (t.master.defined()) t.master.copy_(exact.parameter);
  t.first_moment.copy_(exact.first_moment);
  t.second_moment.copy_(exact.second_moment);
}

}  // namespace

void adamw_step(std::span<const AdamWTensor> tensors) {
  const at::NoGradGuard no_grad;
  for (const AdamWTensor& t : tensors) check(t);
  std::vector<FlatTensor> flat;
  std::map<GpuPlace, std::vector<GpuAdamWTensor>> on_gpus;
  Blocks blocks;
  for (const AdamWTensor& t : tensors) {
    if (const CudaModule* module = module_of(t); module != nullptr) {
      on_gpus[{module, t.parameter.device().index()}].push_back({&t, adamw_factors(t.settings)});
      continue;
    }
    if (t.parameter.scalar_type() == at::kBFloat16) {
      bf16_step(t);
      continue;
    }
    if (!is_vector_case(t)) {
      composed_step(t);
      continue;
    }
    flat.push_back({t.parameter.mutable_data_ptr<float>(), t.first_moment.mutable_data_ptr<float>(),
                    t.second_moment.mutable_data_ptr<float>(), t.gradient.const_data_ptr<float>(), t.parameter.numel(),
                    adamw_factors(t.settings)});
    blocks.add(t.parameter.numel());
  }
  for (const auto& [where, gpu_tensors] : on_gpus) adamw_step_gpu(*where.first, gpu_tensors);
  const AdamWKernels* kernels = vector_kernels();
  at::parallel_for(0, blocks.total(), 4, [&](int64_t begin, int64_t end) {
    blocks.visit(begin, end, [&](size_t index, int64_t block) {
      const FlatTensor& t = flat[index];
      const int64_t at = block * kBlock;
      kernels->update(t.parameter + at, t.gradient + at, t.first + at, t.second + at, std::min(kBlock, t.count - at),
                      t.factors);
    });
  });
}

double gradient_norm(std::span<const at::Tensor> gradients) {
  const at::NoGradGuard no_grad;
  const AdamWKernels* kernels = vector_kernels();
  std::vector<at::Tensor> held;
  std::map<GpuPlace, std::vector<at::Tensor>> on_gpus;
  Blocks blocks;
  double total = 0;
  for (const at::Tensor& gradient : gradients) {
    check_operand(gradient.defined() && gradient.is_floating_point(), "gradient_norm", "gradient", "a floating tensor",
                  gradient);
    if (const CudaModule* module = cuda_kernels_for("gradient_norm", gradient); module != nullptr) {
      on_gpus[{module, gradient.device().index()}].push_back(gradient.contiguous());
    } else if (gradient.device().is_cpu() && gradient.scalar_type() != at::kDouble && kernels != nullptr) {
      held.push_back(gradient.to(at::kFloat).contiguous());  // 16-bit numbers are exact in fp32
      blocks.add(gradient.numel());
    } else {
      total += gradient.to(at::kDouble).square().sum().item<double>();
    }
  }
  for (const auto& [where, gpu_gradients] : on_gpus) total += sum_of_squares_gpu(*where.first, gpu_gradients);
  std::vector<double> partials(static_cast<size_t>(blocks.total()));
  at::parallel_for(0, blocks.total(), 8, [&](int64_t begin, int64_t end) {
    size_t slot = static_cast<size_t>(begin);
    blocks.visit(begin, end, [&](size_t index, int64_t block) {
      const int64_t at = block * kBlock, count = held[index].numel();
      partials[slot++] =
          kernels->sum_of_squares(held[index].const_data_ptr<float>() + at, std::min(kBlock, count - at));
    });
  });
  for (const double partial : partials) total += partial;
  return std::sqrt(total);
}

}  // namespace dermis
