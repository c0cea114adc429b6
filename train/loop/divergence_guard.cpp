#include "train/loop/divergence_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace dermis {
namespace {

std::string join(const std::vector<std::string>& ids) {
  std::string text;
  for (const auto& id : ids) text += (text.empty() ? "" : ", ") + id;
  return text;
}

constexpr const char* kFix =
    "look at these samples (dermis data show), lower lr_peak or lengthen warmup_steps; the checkpoints before this "
    "step "
    "are whole";

}  // namespace

double DivergenceGuard::median() const {
  std::vector<double> sorted(losses_.begin(), losses_.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

void DivergenceGuard::check(int64_t step, double loss, double gradient_norm,
                            const std::vector<std::string>& sample_ids) {
  if (!std::isfinite(loss) || !std::isfinite(gradient_norm)) {
    throw Error(ErrorKind::data, {.what = "training diverged: loss or gradient is no finite number",
                                  .where = fmt::format("step {}, samples {}", step, join(sample_ids)),
                                  .expected = "finite loss and gradient",
                                  .found = fmt::format("loss {}, gradient norm {}", loss, gradient_norm),
                                  .fix = kFix});
  }
  const bool warm = static_cast<int64_t>(losses_.size()) >= kWarmLosses;
  const double limit = warm ? limits_.spike_factor * std::max(median(), kMedianFloor) : 0;
  if (warm && limits_.spike_factor > 0 && loss > limit) {
    ++spikes_;
    spike_ids_.insert(spike_ids_.end(), sample_ids.begin(), sample_ids.end());
    if (spikes_ >= limits_.spikes) {
      throw Error(ErrorKind::data,
                  {.what = "training diverged: the loss jumped and stayed up",
                   .where = fmt::format("step {}, samples of the last {} steps: {}", step, spikes_, join(spike_ids_)),
                   .expected = fmt::format("loss below {:.4g} ({} times the median of the last {})", limit,
                                           limits_.spike_factor, losses_.size()),
                   .found = fmt::format("loss {:.4g}", loss),
                   .fix = kFix});
    }
    return;  // a spike does not move the median it is judged by
  }
  spikes_ = 0;
  spike_ids_.clear();
  losses_.push_back(loss);
  if (static_cast<int64_t>(losses_.size()) > kHistory) losses_.pop_front();
}

DivergenceGuard::State DivergenceGuard::state() const {
  return {.losses = {losses_.begin(), losses_.end()}, .spike_ids = spike_ids_, .spikes = spikes_};
}

void DivergenceGuard::restore(const State& state) {
  losses_.assign(state.losses.begin(), state.losses.end());
  spike_ids_ = state.spike_ids;
  spikes_ = state.spikes;
}

}  // namespace dermis
