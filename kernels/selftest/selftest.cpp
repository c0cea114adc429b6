#include "kernels/selftest/selftest.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/nearest_name.h"
#include "kernels/cuda/cuda_module.h"

namespace dermis {
namespace {

using TensorList = std::vector<at::Tensor>;

constexpr int kMostHalvings = 8;

bool is_half(at::ScalarType type) { return type == at::kBFloat16 || type == at::kHalf; }

bool takes(const SelftestOperator& op, at::ScalarType type) {
  return type == at::kBFloat16 ? op.bf16 : type == at::kHalf ? op.fp16 : true;
}

// 16-bit results are rounded once; gradients of operators with several roundings have a few units of the last place.
double limit_of(const SelftestOperator& op, at::ScalarType type) {
  if (is_half(type) && op.half_limit > 0) return op.half_limit;
  return type == at::kBFloat16 ? 3e-2 : type == at::kHalf ? 4e-3 : op.limit;
}

TensorList values_and_gradients(const SelftestCase& test, const TensorList& inputs, const TensorList& directions,
                                at::Device device, at::ScalarType type) {
  TensorList leaves;
  for (const at::Tensor& input : inputs)
    leaves.push_back(input.to(device, type).detach().set_requires_grad(test.differentiable));
  TensorList results = test.run(leaves);
  if (test.differentiable) {
    TensorList cast;
    for (size_t i = 0; i < results.size(); ++i)
      cast.push_back(directions[i].to(device, results[i].scalar_type()).view(results[i].sizes()));
    for (at::Tensor& gradient : torch::autograd::grad(results, leaves, cast)) results.push_back(std::move(gradient));
  }
  for (at::Tensor& result : results) result = result.detach().to(at::kCPU, at::kDouble);
  return results;
}

TensorList random_directions(const SelftestCase& test, SelftestDraw& draw) {
  const at::NoGradGuard no_grad;
  TensorList directions;
  for (const at::Tensor& result : test.run(test.inputs)) {
    at::Tensor direction = at::empty(result.sizes(), at::kDouble);
    double* values = direction.mutable_data_ptr<double>();
    for (int64_t i = 0; i < direction.numel(); ++i) values[i] = static_cast<float>(draw.random.normal());
    directions.push_back(direction);
  }
  return directions;
}

TensorList rounded(const TensorList& tensors, at::ScalarType type) {
  TensorList result;
  for (const at::Tensor& tensor : tensors) result.push_back(tensor.to(type).to(at::kDouble));
  return result;
}

struct Sums {
  double squares = 0, worst = 0;
  int64_t entries = 0;
};

struct Outcome {
  std::string shape;
  std::string failure;  // "": within the limit
};

// Nothing when the path does not take the case.
std::optional<Outcome> run_case(const SelftestOperator& op, const SelftestPath& path, uint64_t seed, int index,
                                int halvings, Sums& sums) {
  SelftestDraw draw{Random(seed, RandomPurpose::selftest, stable_hash(op.name), static_cast<uint64_t>(index)),
                    halvings};
  const SelftestCase test = op.make(draw);
  if (path.device.is_cuda() && is_half(path.type) && !test.for_gpu_halves) return std::nullopt;
  const TensorList inputs = rounded(test.inputs, path.type);
  const TensorList directions = test.differentiable ? rounded(random_directions(test, draw), path.type) : TensorList();
  const TensorList found = values_and_gradients(test, inputs, directions, path.device, path.type);
  const TensorList expected = values_and_gradients(test, inputs, directions, at::kCPU, at::kDouble);
  const size_t outputs = test.differentiable ? directions.size() : expected.size();
  Outcome outcome{test.shape, ""};
  for (size_t i = 0; i < expected.size(); ++i) {
    if (expected[i].numel() == 0) continue;
    const double largest = std::max(expected[i].abs().max().item<double>(), 1e-30);
    const at::Tensor difference = (found[i] - expected[i]) / largest;
    const double worst = difference.abs().max().item<double>();
    sums.squares += difference.square().sum().item<double>();
    sums.entries += difference.numel();
    if (!(worst <= sums.worst)) sums.worst = worst;  // NaN counts as worst
    if (worst <= limit_of(op, path.type) || !outcome.failure.empty()) continue;
    outcome.failure = fmt::format("{} {} is off by {:.2g}", i < outputs ? "output" : "gradient",
                                  i < outputs ? i : i - outputs, worst);
  }
  return outcome;
}

// The same case with sizes halved as often as it still fails.
std::string smallest_failing(const SelftestOperator& op, const SelftestPath& path, uint64_t seed, int index,
                             std::string shape) {
  for (int halvings = 1; halvings <= kMostHalvings; ++halvings) {
    Sums unused;
    const std::optional<Outcome> outcome = run_case(op, path, seed, index, halvings, unused);
    if (!outcome.has_value() || outcome->failure.empty() || outcome->shape == shape) break;
    shape = outcome->shape;
  }
  return shape;
}

SelftestResult run_path(const SelftestOperator& op, const SelftestPath& path, const SelftestOptions& options) {
  SelftestResult result{.op = op.name, .path = path.name, .limit = limit_of(op, path.type), .failures = {}};
  Sums sums;
  for (int index = 0; index < options.count; ++index) {
    throw_if_interrupted("nothing is kept; run again");
    const std::optional<Outcome> outcome = run_case(op, path, options.seed, index, 0, sums);
    if (!outcome.has_value()) continue;
    ++result.cases;
    if (outcome->failure.empty()) continue;
    result.failures.push_back(fmt::format("seed {} case {}: {}: {}; smallest failing: {}", options.seed, index,
                                          outcome->shape, outcome->failure,
                                          smallest_failing(op, path, options.seed, index, outcome->shape)));
  }
  result.max_error = sums.worst;
  result.rms_error = sums.entries == 0 ? 0 : std::sqrt(sums.squares / static_cast<double>(sums.entries));
  return result;
}

void check_known(const std::string& name) {
  const std::vector<std::string> names = selftest_operators();
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  const std::string near = nearest_name(name, names);
  std::string known;
  for (const std::string& each : names) known += (known.empty() ? "" : ", ") + each;
  throw Error(ErrorKind::usage, {.what = "unknown operator",
                                 .where = "selftest --only",
                                 .expected = known,
                                 .found = name,
                                 .fix = near.empty() ? "choose one of them" : "did you mean '" + near + "'?"});
}

}  // namespace

std::vector<std::string> selftest_operators() {
  std::vector<std::string> names;
  for (const SelftestOperator& op : selftest_table()) names.emplace_back(op.name);
  return names;
}

std::vector<SelftestPath> selftest_paths() {
  std::vector<SelftestPath> paths{
      {"CPU fp32", at::kCPU, at::kFloat}, {"CPU bf16", at::kCPU, at::kBFloat16}, {"CPU fp16", at::kCPU, at::kHalf}};
  if (cuda_module() == nullptr || !load_torch_cuda()) return paths;
  const at::Device gpu(at::kCUDA, 0);
  paths.push_back({"GPU fp32", gpu, at::kFloat});
  paths.push_back({"GPU bf16", gpu, at::kBFloat16});
  paths.push_back({"GPU fp16", gpu, at::kHalf});
  return paths;
}

std::vector<SelftestResult> run_selftest(const SelftestOptions& options,
                                         const std::function<void(const SelftestResult&)>& finished) {
  if (!options.only.empty()) check_known(options.only);
  return run_selftest(options, selftest_table(), selftest_paths(), finished);
}

std::vector<SelftestResult> run_selftest(const SelftestOptions& options, const std::vector<SelftestOperator>& table,
                                         const std::vector<SelftestPath>& paths,
                                         const std::function<void(const SelftestResult&)>& finished) {
  std::vector<SelftestResult> results;
  for (const SelftestOperator& op : table) {
    if (!options.only.empty() && options.only != op.name) continue;
    for (const SelftestPath& path : paths) {
      if (!takes(op, path.type)) continue;
      results.push_back(run_path(op, path, options));
      if (finished) finished(results.back());
    }
  }
  return results;
}

}  // namespace dermis
