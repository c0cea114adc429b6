// What a field may hold, beyond its type.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace dermis {

struct ConfigLimits {  // for lists and maps: of each entry
  std::optional<double> low, high;
  bool low_excluded = false, high_excluded = false;
  std::vector<std::string> allowed;  // of text; empty: any
  bool required = false;             // must be set, has no default
  std::string fix{};                 // what to do about a number out of range; "": what is always said

  std::string describe() const;  // "", "from 0 to 1", "above 0.5", "one of a, b"
  bool admits(double number) const;
  bool admits(const std::string& text) const;
};

ConfigLimits at_least(double low);
ConfigLimits above(double low);
ConfigLimits between(double low, double high);  // both ends included
ConfigLimits one_of(std::vector<std::string> names);
ConfigLimits required(ConfigLimits limits = {});
ConfigLimits mend(ConfigLimits limits, std::string fix);

}  // namespace dermis
