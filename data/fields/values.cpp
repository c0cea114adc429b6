#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/error.h"
#include "data/fields/field_pack.h"
#include "data/fields/text.h"

namespace dermis {
namespace {

std::string joined(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ", ") + value;
  return text;
}

[[noreturn]] void not_allowed(const Attribute& attribute, const std::string& raw, const std::string& expected,
                              const std::string& where) {
  throw Error(ErrorKind::data, {.what = "value that attribute '" + attribute.id + "' does not allow",
                                .where = where,
                                .expected = expected,
                                .found = raw,
                                .fix = "add it to values or aliases in attributes.toml of the field pack"});
}

std::string one_of(const Attribute& attribute, const std::string& raw, const std::string& where) {
  const std::string low = lower_case(raw);
  const auto alias = attribute.aliases.find(low);
  const std::string wanted = alias == attribute.aliases.end() ? low : lower_case(alias->second);
  for (const std::string& value : attribute.values) {
    if (lower_case(value) == wanted) return value;
  }
  not_allowed(attribute, raw, joined(attribute.values), where);
}

std::string number(const Attribute& attribute, const std::string& raw, const std::string& where) {
  double value = 0;
  const auto [end, problem] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  const bool whole = problem == std::errc() && end == raw.data() + raw.size();
  const std::string range = shortest(attribute.minimum) + " to " + shortest(attribute.maximum);
  if (!whole || !(value >= attribute.minimum && value <= attribute.maximum)) {
    not_allowed(attribute, raw, "number from " + range, where);
  }
  return shortest(value);
}

}  // namespace

bool is_missing(const std::string& raw) {
  static const std::array<const char*, 12> kMissing{"",     "nan", "unk", "unknown",      "none",          "n/a",
                                                    "null", "na",  "-",   "not reported", "not available", "undefined"};
  const std::string low = lower_case(trimmed(raw));
  return std::any_of(kMissing.begin(), kMissing.end(), [&](const char* word) { return low == word; });
}

std::vector<std::string> split_values(const std::string& many) {
  std::vector<std::string> values;
  size_t at = 0;
  while (at <= many.size()) {
    const size_t comma = std::min(many.find(',', at), many.size());
    const std::string value = trimmed(many.substr(at, comma - at));
    if (!value.empty()) values.push_back(value);
    at = comma + 1;
  }
  return values;
}

std::optional<std::string> normal_value(const Attribute& attribute, const std::string& raw, const std::string& where) {
  const std::string text = trimmed(raw);
  if (is_missing(text)) return std::nullopt;
  switch (attribute.kind) {
    case AttributeKind::one: return one_of(attribute, text, where);
    case AttributeKind::number: return number(attribute, text, where);
    case AttributeKind::flag: {
      const std::string low = lower_case(text);
      if (low == "true" || low == "yes" || low == "1") return "yes";
      if (low == "false" || low == "no" || low == "0") return "no";
      not_allowed(attribute, raw, "yes or no", where);
    }
    case AttributeKind::many: break;
  }
  std::vector<std::string> values;
  for (const std::string& part : split_values(text)) {
    if (!is_missing(part)) values.push_back(one_of(attribute, part, where));
  }
  if (values.empty()) return std::nullopt;
  return joined(values);
}

}  // namespace dermis
