#include "core/metrics/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "core/error.h"
#include "core/random.h"

namespace dermis {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<std::vector<size_t>> members_of(const std::vector<std::string>& groups) {
  std::map<std::string, size_t> index;
  std::vector<std::vector<size_t>> members;
  for (size_t i = 0; i < groups.size(); ++i) {
    size_t group = members.size();
    if (!groups[i].empty()) group = index.emplace(groups[i], members.size()).first->second;
    if (group == members.size()) members.emplace_back();
    members[group].push_back(i);
  }
  return members;
}

Interval run(const std::vector<std::string>& groups, const Statistic& statistic, const BootstrapOptions& options,
             std::vector<double>* draws) {
  DERMIS_CHECK(options.draws > 0 && options.confidence > 0 && options.confidence < 1, "bootstrap options");
  const auto members = members_of(groups);
  std::vector<size_t> all(groups.size());
  std::iota(all.begin(), all.end(), size_t{0});
  Interval result;
  result.samples = static_cast<int64_t>(groups.size());
  result.groups = static_cast<int64_t>(members.size());
  result.too_few = too_few(result.samples, result.groups);
  result.value = groups.empty() ? kNaN : statistic(all);
  std::vector<double> values;
  std::vector<size_t> drawn;
  for (int draw = 0; draw < options.draws && !members.empty(); ++draw) {
    Random random(options.seed, RandomPurpose::bootstrap, static_cast<uint64_t>(draw));
    drawn.clear();
    for (size_t i = 0; i < members.size(); ++i) {
      const auto& group = members[random.below(members.size())];
      drawn.insert(drawn.end(), group.begin(), group.end());
    }
    const double value = statistic(drawn);
    if (std::isnan(value)) {
      ++result.undefined;
    } else {
      values.push_back(value);
    }
  }
  std::sort(values.begin(), values.end());
  const double tail = (1 - options.confidence) / 2;
  // An interval from a minority of the draws would describe the draws, not the statistic.
  const bool enough = !values.empty() && values.size() * 2 > static_cast<size_t>(options.draws);
  result.low = enough ? quantile(values, tail) : kNaN;
  result.high = enough ? quantile(values, 1 - tail) : kNaN;
  if (draws != nullptr) *draws = std::move(values);
  return result;
}

}  // namespace

bool too_few(int64_t samples, int64_t groups) { return samples < kMinSupport || groups < 2; }

Interval bootstrap(const std::vector<std::string>& groups, const Statistic& statistic,
                   const BootstrapOptions& options) {
  return run(groups, statistic, options, nullptr);
}

PairedDifference paired_bootstrap(const std::vector<std::string>& groups, const Statistic& first,
                                  const Statistic& second, const BootstrapOptions& options) {
  PairedDifference result;
  std::vector<double> draws;
  result.difference = run(
      groups, [&](std::span<const size_t> samples) { return second(samples) - first(samples); }, options, &draws);
  double better = 0;
  for (const double difference : draws) better += difference > 0 ? 1 : difference == 0 ? 0.5 : 0;
  result.share_second_better = draws.empty() ? kNaN : better / static_cast<double>(draws.size());
  return result;
}

double quantile(std::span<const double> values, double probability) {
  DERMIS_CHECK(!values.empty() && probability >= 0 && probability <= 1, "quantile of nothing");
  const double at = probability * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

}  // namespace dermis
