// A configuration as it was written, before it has types: what TOML files and --set texts become.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dermis {

struct ConfigValue;
struct ConfigEntry;
struct ConfigList {
  std::vector<ConfigValue> items;
};
struct ConfigTable {
  std::vector<ConfigEntry> entries;  // in no particular order; keys are unique
};
struct ConfigDate {};  // TOML has dates; no field of ours is one

struct ConfigValue {
  std::variant<ConfigDate, bool, int64_t, double, std::string, ConfigList, ConfigTable> data;
  std::string origin;              // "recipe.toml:12" or "--set a.b=c"
  std::string raw;                 // of a --set: the text behind '=', which a text field takes as it stands
  bool from_command_line = false;  // its errors are the command line's (usage), not a file's (data)

  std::string describe() const;  // for "found: ..." in errors, e.g. "text \"abc\""
};

struct ConfigEntry {
  std::string name;
  ConfigValue value;
};

// Error(data) naming file and line for text that is not TOML.
ConfigValue parse_toml(std::string_view text, const std::string& name);

// Splits "a.b[0].c=value" at the first '='. The value is read as TOML where it is TOML and as text otherwise.
// Error(usage) without '='.
std::pair<std::string, ConfigValue> parse_override(const std::string& text);

std::string toml_text(const std::string& text);  // quoted and escaped
std::string toml_key(const std::string& key);    // bare where TOML allows it
std::string toml_number(double value);           // shortest text that reads back as the same double

}  // namespace dermis
