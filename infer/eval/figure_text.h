// How a figure is written, on a page and in a terminal alike: below support it is "too few", never a number.
#pragma once

#include <string>

#include "core/metrics/bootstrap.h"

namespace dermis {

std::string format_number(double value, int decimals);  // "-" for NaN

struct FigureText {
  std::string value;  // "0.551", "too few"
  std::string range;  // "[0.512, 0.590]", "no interval" where too few draws have the figure; "(n = 7)" of too few

  std::string plain() const { return range.empty() ? value : value + " " + range; }
};
enum class Sign { negative, always };
FigureText figure_text(const Interval& interval, int decimals = 3, Sign sign = Sign::negative);

// A share of `count` things, "%" behind it.
FigureText share_text(double share, int64_t count, int decimals = 0);

// What an interval says of a difference: "better: the interval lies above 0", ..., "too few to tell".
std::string verdict_text(const Interval& difference);

}  // namespace dermis
