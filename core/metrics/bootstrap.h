// Percentile bootstrap intervals that respect leakage groups: pictures of one patient or lesion are drawn together, so
// the interval speaks of new patients and not of new pictures of known ones (cluster bootstrap, Davison and Hinkley
// 1997, 3.8).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace dermis {

struct Interval {
  double value = 0;  // on the samples as they are; NaN when undefined
  double low = 0;    // NaN when too few draws define the statistic
  double high = 0;
  int64_t samples = 0;
  int64_t groups = 0;
  int undefined = 0;     // draws on which the statistic was NaN; they are left out
  bool too_few = false;  // see kMinSupport: report n and "too few", not the interval
};

struct BootstrapOptions {
  uint64_t seed = 0;
  int draws = 2000;
  double confidence = 0.95;
};

// Below this many samples, or fewer than two groups, an interval promises more than it can hold.
constexpr int64_t kMinSupport = 20;
bool too_few(int64_t samples, int64_t groups);

// The statistic of a multiset of samples: indices into the caller's arrays, repeated as drawn. NaN: undefined.
using Statistic = std::function<double(std::span<const size_t> samples)>;

// `groups`: the leakage group of each sample; an empty name is a group of its own. Draws are keyed by (seed, bootstrap,
// draw): the same on every machine, and the same for every statistic and system on the same samples.
Interval bootstrap(const std::vector<std::string>& groups, const Statistic& statistic,
                   const BootstrapOptions& options = {});

struct PairedDifference {
  Interval difference;             // second minus first, on the same draws
  double share_second_better = 0;  // of the draws with a difference above 0, ties counted half
};
PairedDifference paired_bootstrap(const std::vector<std::string>& groups, const Statistic& first,
                                  const Statistic& second, const BootstrapOptions& options = {});

// Linear interpolation between order statistics (type 7 of Hyndman and Fan 1996); `values` sorted, not empty.
double quantile(std::span<const double> values, double probability);

}  // namespace dermis
