// How each C++ type of a configuration field is read from a ConfigValue and printed as TOML.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/config/limits.h"
#include "core/config/value.h"
#include "core/enum_traits.h"

namespace dermis {

struct ConfigPlace {  // named in errors
  std::string key;    // full path, e.g. "stages[0].lr"
  const ConfigLimits& limits;
};

[[noreturn]] void reject_type(const ConfigPlace& place, const ConfigValue& value, const std::string& expected);
[[noreturn]] void reject_range(const ConfigPlace& place, const ConfigValue& value, const std::string& expected);
[[noreturn]] void reject_name(const ConfigPlace& place, const ConfigValue& value,
                              const std::vector<std::string>& names);

template <typename T>
struct ConfigCodec;

template <>
struct ConfigCodec<bool> {
  static std::string type() { return "true or false"; }
  static std::string print(bool value) { return value ? "true" : "false"; }
  static bool read(const ConfigValue& value, const ConfigPlace& place) {
    if (const bool* flag = std::get_if<bool>(&value.data)) return *flag;
    reject_type(place, value, type());
  }
};

template <typename T>
requires std::integral<T>
struct ConfigCodec<T> {
  static std::string type() { return "whole number"; }
  static std::string print(T value) { return std::to_string(value); }
  static T read(const ConfigValue& value, const ConfigPlace& place) {
    const int64_t* whole = std::get_if<int64_t>(&value.data);
    if (whole == nullptr) reject_type(place, value, type());
    if (!std::in_range<T>(*whole)) {
      reject_range(place, value,
                   "from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                       std::to_string(std::numeric_limits<T>::max()));
    }
    if (!place.limits.admits(static_cast<double>(*whole))) reject_range(place, value, place.limits.describe());
    return static_cast<T>(*whole);
  }
};

template <typename T>
requires std::floating_point<T>
struct ConfigCodec<T> {
  static std::string type() { return "number"; }
  static std::string print(T value) { return toml_number(static_cast<double>(value)); }
  static T read(const ConfigValue& value, const ConfigPlace& place) {
    double number = 0;
    if (const int64_t* whole = std::get_if<int64_t>(&value.data)) {
      number = static_cast<double>(*whole);
    } else if (const double* given = std::get_if<double>(&value.data)) {
      number = *given;
    } else {
      reject_type(place, value, type());
    }
    if (!std::isfinite(static_cast<T>(number))) reject_range(place, value, "a finite number");
    if (!place.limits.admits(number)) reject_range(place, value, place.limits.describe());
    return static_cast<T>(number);
  }
};

template <>
struct ConfigCodec<std::string> {
  static std::string type() { return "text"; }
  static std::string print(const std::string& value) { return toml_text(value); }
  static std::string read(const ConfigValue& value, const ConfigPlace& place) {
    const std::string* text = std::get_if<std::string>(&value.data);
    if (text == nullptr && (!value.from_command_line || value.raw.empty())) reject_type(place, value, type());
    const std::string& result = text != nullptr ? *text : value.raw;
    if (!place.limits.admits(result)) reject_name(place, value, place.limits.allowed);
    return result;
  }
};

template <NamedEnum E>
struct ConfigCodec<E> {
  static std::string type() { return one_of(enum_names<E>()).describe(); }
  static std::string print(E value) { return toml_text(std::string(name_of_enum(value))); }
  static E read(const ConfigValue& value, const ConfigPlace& place) {
    const std::string* text = std::get_if<std::string>(&value.data);
    const auto known = text != nullptr ? parse_enum<E>(*text) : std::nullopt;
    if (!known) reject_name(place, value, enum_names<E>());
    return *known;
  }
};

template <typename T>
struct ConfigCodec<std::optional<T>> {  // absent in the file: nullopt
  static std::string type() { return ConfigCodec<T>::type(); }
  static std::string print(const std::optional<T>& value) { return value ? ConfigCodec<T>::print(*value) : ""; }
  static std::optional<T> read(const ConfigValue& value, const ConfigPlace& place) {
    return ConfigCodec<T>::read(value, place);
  }
};

template <typename T>
struct ConfigCodec<std::vector<T>> {
  static std::string type() { return "list of: " + ConfigCodec<T>::type(); }
  static std::string print(const std::vector<T>& value) {
    std::string text = "[";
    for (size_t i = 0; i < value.size(); ++i) text += (i > 0 ? ", " : "") + ConfigCodec<T>::print(value[i]);
    return text + "]";
  }
  static std::vector<T> read(const ConfigValue& value, const ConfigPlace& place) {
    const ConfigList* list = std::get_if<ConfigList>(&value.data);
    if (list == nullptr) reject_type(place, value, type());
    std::vector<T> result;
    for (size_t i = 0; i < list->items.size(); ++i) {
      result.push_back(ConfigCodec<T>::read(list->items[i], {place.key + "[" + std::to_string(i) + "]", place.limits}));
    }
    return result;
  }
};

template <typename T, size_t N>
struct ConfigCodec<std::array<T, N>> {
  static std::string type() { return "list of " + std::to_string(N) + ": " + ConfigCodec<T>::type(); }
  static std::string print(const std::array<T, N>& value) {
    return ConfigCodec<std::vector<T>>::print({value.begin(), value.end()});
  }
  static std::array<T, N> read(const ConfigValue& value, const ConfigPlace& place) {
    const std::vector<T> items = ConfigCodec<std::vector<T>>::read(value, place);
    if (items.size() != N) reject_type(place, value, type());
    std::array<T, N> result{};
    std::copy(items.begin(), items.end(), result.begin());
    return result;
  }
};

template <typename T>
struct ConfigCodec<std::map<std::string, T>> {
  static std::string type() { return "table of: " + ConfigCodec<T>::type(); }
  static std::string print(const std::map<std::string, T>& value) {
    std::string text;
    for (const auto& [key, item] : value) {
      text += (text.empty() ? "" : ", ") + toml_key(key) + " = " + ConfigCodec<T>::print(item);
    }
    return text.empty() ? "{}" : "{ " + text + " }";
  }
  static std::map<std::string, T> read(const ConfigValue& value, const ConfigPlace& place) {
    const ConfigTable* table = std::get_if<ConfigTable>(&value.data);
    if (table == nullptr) reject_type(place, value, type());
    std::map<std::string, T> result;
    for (const auto& [key, item] : table->entries) {
      result[key] = ConfigCodec<T>::read(item, {place.key + "." + toml_key(key), place.limits});
    }
    return result;
  }
};

}  // namespace dermis
