#include "core/config/value.h"

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <sstream>

#include "core/config/bare_text.h"
#include "core/error.h"

namespace dermis {
namespace {

ConfigValue convert(const toml::node& node, const std::string& name) {
  ConfigValue value;
  value.origin = name + ":" + std::to_string(node.source().begin.line);
  if (const auto* table = node.as_table()) {
    ConfigTable result;
    for (const auto& [key, child] : *table) result.entries.push_back({std::string(key.str()), convert(child, name)});
    value.data = std::move(result);
  } else if (const auto* array = node.as_array()) {
    ConfigList result;
    for (const toml::node& child : *array) result.items.push_back(convert(child, name));
    value.data = std::move(result);
  } else if (const auto* text = node.as_string()) {
    value.data = text->get();
  } else if (const auto* whole = node.as_integer()) {
    value.data = whole->get();
  } else if (const auto* number = node.as_floating_point()) {
    value.data = number->get();
  } else if (const auto* flag = node.as_boolean()) {
    value.data = flag->get();
  }
  return value;
}

// The text with each byte above ASCII written as digits. toml++ 3.3 runs into undefined behaviour on some characters
// (U+00A1 to U+0499) outside strings, also while it makes up its mind about an error: it sees the skeleton first.
std::string ascii_skeleton(std::string_view text) {
  std::string skeleton;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    skeleton += byte < 0x80 ? std::string(1, c) : "u" + std::to_string(byte);
  }
  return skeleton;
}

void mark_as_override(ConfigValue& value, const std::string& origin) {
  value.origin = origin;
  value.from_command_line = true;
  if (auto* list = std::get_if<ConfigList>(&value.data)) {
    for (ConfigValue& item : list->items) mark_as_override(item, origin);
  } else if (auto* table = std::get_if<ConfigTable>(&value.data)) {
    for (auto& entry : table->entries) mark_as_override(entry.value, origin);
  }
}

}  // namespace

std::string ConfigValue::describe() const {
  struct Describe {
    std::string operator()(const ConfigDate&) const { return "a date or time"; }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(int64_t whole) const { return "the whole number " + std::to_string(whole); }
    std::string operator()(double number) const { return "the number " + toml_number(number); }
    std::string operator()(const std::string& text) const { return "the text " + toml_text(text); }
    std::string operator()(const ConfigList& list) const { return "a list of " + std::to_string(list.items.size()); }
    std::string operator()(const ConfigTable&) const { return "a table"; }
  };
  return std::visit(Describe{}, data);
}

ConfigValue parse_toml(std::string_view text, const std::string& name) {
  const auto fail = [&](const std::string& what, size_t line, const std::string& fix) {
    throw Error(ErrorKind::data, {.what = "not TOML: " + what, .where = name + ":" + std::to_string(line), .fix = fix});
  };
  try {
    const bool ascii = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
    if (!ascii) {
      (void)toml::parse(ascii_skeleton(text));
      const size_t bare = find_bare_non_ascii(text);
      if (bare != std::string_view::npos) {
        const auto end = text.begin() + static_cast<std::ptrdiff_t>(bare);
        fail("a character above ASCII outside quotes", static_cast<size_t>(1 + std::count(text.begin(), end, '\n')),
             "put such keys and values in quotes");
      }
    }
    return convert(toml::parse(text), name);
  } catch (const toml::parse_error& error) {
    fail(std::string(error.description()), error.source().begin.line, "correct the line; text values need quotes");
  }
  return {};
}

std::pair<std::string, ConfigValue> parse_override(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Error(ErrorKind::usage, {.what = "--set takes KEY=VALUE",
                                   .where = "--set " + text,
                                   .expected = "for instance stages[0].optimizer.lr_peak=1e-3",
                                   .found = text});
  }
  ConfigValue value;
  const std::string raw = text.substr(equals + 1);
  try {
    auto table = std::get<ConfigTable>(parse_toml("x = " + raw, "").data);
    if (table.entries.size() != 1) throw Error(ErrorKind::usage, {.what = "more than one value"});
    value = std::move(table.entries[0].value);
  } catch (const std::exception&) {
    value.data = raw;
  }
  mark_as_override(value, "--set " + text);
  value.raw = raw;
  return {text.substr(0, equals), value};
}

std::string toml_text(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += std::string("\\") + c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      constexpr char kDigits[] = "0123456789ABCDEF";
      quoted += std::string("\\u00") + kDigits[byte >> 4] + kDigits[byte & 15];
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string toml_key(const std::string& key) {
  const bool bare = !key.empty() && key.find_first_not_of(
                                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789_-") == std::string::npos;
  return bare ? key : toml_text(key);
}

std::string toml_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  std::string text(digits.data(), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

}  // namespace dermis
