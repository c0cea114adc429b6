#include "data/sources/licence.h"

#include <algorithm>

#include "data/fields/field_pack.h"
#include "data/fields/text.h"

namespace dermis {
namespace {

constexpr const char* kNotStated = "not stated";

int rank(const std::string& licence) {
  if (licence.empty()) return 100;
  const std::string low = lower_case(licence);
  const auto has = [&](const char* part) { return low.find(part) != std::string::npos; };
  if (has("cc0") || low == "pddl-1.0") return 0;
  if (!has("cc-by") && low != "mit" && low != "apache-2.0") return 90;
  return 1 + (has("-sa") ? 2 : 0) + (has("-nc") ? 4 : 0) + (has("-nd") ? 8 : 0);
}

}  // namespace

std::string spdx_licence(const std::string& raw) {
  if (is_missing(raw)) return "";
  static const std::map<std::string, std::string> kKnown{
      {"cc-0", "CC0-1.0"},
      {"cc0", "CC0-1.0"},
      {"cc-by", "CC-BY-4.0"},
      {"cc by", "CC-BY-4.0"},
      {"cc by 4.0", "CC-BY-4.0"},
      {"cc-by-nc", "CC-BY-NC-4.0"},
      {"cc by-nc 4.0", "CC-BY-NC-4.0"},
      {"cc-by-nc-sa", "CC-BY-NC-SA-4.0"},
      {"cc-by-sa", "CC-BY-SA-4.0"},
      {"cc-by-nc-nd", "CC-BY-NC-ND-4.0"},
  };
  const auto at = kKnown.find(lower_case(trimmed(raw)));
  return at == kKnown.end() ? trimmed(raw) : at->second;
}

std::string most_restrictive_licence(const std::vector<std::string>& licences) {
  if (licences.empty()) return kNotStated;
  const auto most = std::max_element(licences.begin(), licences.end(), [](const auto& a, const auto& b) {
    return std::pair(rank(a), a) < std::pair(rank(b), b);
  });
  return most->empty() ? kNotStated : *most;
}

}  // namespace dermis
