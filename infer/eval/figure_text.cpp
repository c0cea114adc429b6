#include "infer/eval/figure_text.h"

#include <fmt/format.h>

#include <cmath>

namespace dermis {
namespace {

std::string number_text(double value, int decimals, Sign sign) {
  if (!std::isfinite(value)) return "-";
  return sign == Sign::always ? fmt::format("{:+.{}f}", value, decimals) : fmt::format("{:.{}f}", value, decimals);
}

FigureText too_few_text(int64_t count) { return {"too few", fmt::format("(n = {})", count)}; }

}  // namespace

std::string format_number(double value, int decimals) { return number_text(value, decimals, Sign::negative); }

FigureText figure_text(const Interval& interval, int decimals, Sign sign) {
  if (interval.too_few) return too_few_text(interval.samples);
  if (!std::isfinite(interval.low) || !std::isfinite(interval.high))
    return {number_text(interval.value, decimals, sign), "no interval"};
  return {
      number_text(interval.value, decimals, sign),
      fmt::format("[{}, {}]", number_text(interval.low, decimals, sign), number_text(interval.high, decimals, sign))};
}

FigureText share_text(double share, int64_t count, int decimals) {
  if (count < kMinSupport) return too_few_text(count);
  return {fmt::format("{:.{}f} %", 100 * share, decimals), ""};
}

std::string verdict_text(const Interval& difference) {
  if (difference.too_few || !std::isfinite(difference.low) || !std::isfinite(difference.high)) return "too few to tell";
  if (difference.low > 0) return "better: the interval lies above 0";
  if (difference.high < 0) return "worse: the interval lies below 0";
  return "not distinguishable: the interval holds 0";
}

}  // namespace dermis
