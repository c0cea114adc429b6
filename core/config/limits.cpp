#include "core/config/limits.h"

#include <algorithm>

#include "core/config/value.h"

namespace dermis {

std::string ConfigLimits::describe() const {
  std::string text;
  if (low && high && !low_excluded && !high_excluded) {
    text = "from " + toml_number(*low) + " to " + toml_number(*high);
  } else {
    if (low) text = (low_excluded ? "above " : "at least ") + toml_number(*low);
    if (high) text += (low ? ", " : "") + std::string(high_excluded ? "below " : "at most ") + toml_number(*high);
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

}  // namespace dermis
