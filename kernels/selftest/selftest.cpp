#include "kernels/selftest/selftest.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/nearest_name.h"
#include "kernels/selftest/selftest_cases.h"

namespace dermis {
namespace {

using TensorList = std::vector<at::Tensor>;

TensorList values_and_gradients(const SelftestCase& test, const TensorList& directions, at::ScalarType type) {
  TensorList leaves;
  for (const at::Tensor& input : test.inputs)
    leaves.push_back(input.to(type).detach().set_requires_grad(test.differentiable));
  TensorList results = test.run(leaves);
  if (!test.differentiable) return results;
  TensorList cast;
  for (size_t i = 0; i < results.size(); ++i) cast.push_back(directions[i].to(type).view(results[i].sizes()));
  for (at::Tensor& gradient : torch::autograd::grad(results, leaves, cast)) results.push_back(std::move(gradient));
  for (at::Tensor& result : results) result = result.detach();
  return results;
}

TensorList random_directions(const SelftestCase& test, Random& random) {
  const at::NoGradGuard no_grad;
  TensorList directions;
  for (const at::Tensor& result : test.run(test.inputs)) {
    at::Tensor direction = at::empty(result.sizes(), at::kDouble);
    double* values = direction.mutable_data_ptr<double>();
    for (int64_t i = 0; i < direction.numel(); ++i) values[i] = static_cast<float>(random.normal());
    directions.push_back(direction);
  }
  return directions;
}

struct Sums {
  double squares = 0;
  int64_t entries = 0;
};

void run_case(const SelftestOperator& op, const SelftestOptions& options, int index, SelftestResult& result,
              Sums& sums) {
  Random random(options.seed, RandomPurpose::selftest, stable_hash(op.name), static_cast<uint64_t>(index));
  const SelftestCase test = op.make(random);
  const TensorList directions = test.differentiable ? random_directions(test, random) : TensorList();
  const TensorList found = values_and_gradients(test, directions, at::kFloat);
  const TensorList expected = values_and_gradients(test, directions, at::kDouble);
  const size_t outputs = test.differentiable ? directions.size() : expected.size();
  for (size_t i = 0; i < expected.size(); ++i) {
    const double largest = std::max(expected[i].abs().max().item<double>(), 1e-30);
    const at::Tensor difference = (found[i].to(at::kDouble) - expected[i]) / largest;
    const double worst = difference.abs().max().item<double>();
    sums.squares += difference.square().sum().item<double>();
    sums.entries += difference.numel();
    if (!(worst <= result.max_error)) result.max_error = worst;  // NaN counts as worst
    if (worst <= op.limit) continue;
    std::ostringstream text;
    text << "seed " << options.seed << " case " << index << ": " << test.shape << ": "
         << (i < outputs ? "output " : "gradient ") << (i < outputs ? i : i - outputs) << " is off by " << worst;
    result.failures.push_back(text.str());
  }
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

std::vector<SelftestResult> run_selftest(const SelftestOptions& options,
                                         const std::function<void(const SelftestResult&)>& finished) {
  if (!options.only.empty()) check_known(options.only);
  std::vector<SelftestResult> results;
  for (const SelftestOperator& op : selftest_table()) {
    if (!options.only.empty() && options.only != op.name) continue;
    SelftestResult result{.op = op.name, .cases = options.count, .limit = op.limit, .failures = {}};
    Sums sums;
    for (int index = 0; index < options.count; ++index) {
      throw_if_interrupted("nothing is kept; run again");
      run_case(op, options, index, result, sums);
    }
    result.rms_error = sums.entries == 0 ? 0 : std::sqrt(sums.squares / static_cast<double>(sums.entries));
    if (finished) finished(result);
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace dermis
