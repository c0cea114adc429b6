#include "core/config/limits.h"

#include <algorithm>

#include "core/config/value.h"

namespace dermis {
namespace {

// "0", also of a field whose numbers are written "0.0".
std::string bound(double value) {
  std::string text = toml_number(value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

}  // namespace

std::string ConfigLimits::describe() const {
  std::string text;
  if (low && high && !low_excluded && !high_excluded) {
    text = "from " + bound(*low) + " to " + bound(*high);
  } else {
    if (low) text = (low_excluded ? "above " : "at least ") + bound(*low);
    if (high) text += (low ? ", " : "") + std::string(high_excluded ? "below " : "at most ") + bound(*high);
  }
  if (!allowed.empty()) {
    text = "one of";
    for (const std::string& name : allowed) text += (name == allowed.front() ? " " : ", ") + name;
  }
  return text;
}

bool ConfigLimits::admits(double number) const {
  if (low && (low_excluded ? number <= *low : number < *low)) return false;
  return !high || !(high_excluded ? number >= *high : number > *high);
}

bool ConfigLimits::admits(const std::string& text) const {
  return allowed.empty() || std::find(allowed.begin(), allowed.end(), text) != allowed.end();
}

ConfigLimits at_least(double low) {
  ConfigLimits limits;
  limits.low = low;
  return limits;
}

ConfigLimits above(double low) {
  ConfigLimits limits = at_least(low);
  limits.low_excluded = true;
  return limits;
}

ConfigLimits between(double low, double high) {
  ConfigLimits limits = at_least(low);
  limits.high = high;
  return limits;
}

ConfigLimits one_of(std::vector<std::string> names) {
  ConfigLimits limits;
  limits.allowed = std::move(names);
  return limits;
}

ConfigLimits required(ConfigLimits limits) {
  limits.required = true;
  return limits;
}

ConfigLimits mend(ConfigLimits limits, std::string fix) {
  limits.fix = std::move(fix);
  return limits;
}

}  // namespace dermis
