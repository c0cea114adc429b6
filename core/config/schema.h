// A configuration struct seen as named fields, sections and lists of sections. ConfigBuilder is the one visitor: parse,
// print, hash and documentation all work on the schema that it makes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/config/codec.h"
#include "core/config/limits.h"

namespace dermis {

struct ConfigSchema;

struct ConfigField {
  std::string name, help, type;
  ConfigLimits limits;
  std::function<void(const ConfigValue&, const ConfigPlace&)> assign = {};
  // Of a map only: sets one entry and leaves the others.
  std::function<void(const std::string& entry, const ConfigValue&, const ConfigPlace&)> assign_entry = {};
  std::function<std::string()> print = {};  // TOML; "" for an unset optional
};

struct ConfigSection {
  std::string name, help;
  std::shared_ptr<ConfigSchema> schema;
};

struct ConfigSectionList {
  std::string name, help;
  std::function<size_t()> size = {};
  std::function<void(size_t)> reset = {};            // to n sections with default values
  std::function<ConfigSchema(size_t)> section = {};  // views element i; valid until the next reset
  std::function<ConfigSchema()> example = {};        // a section with default values
};

// Points into the struct that it was built from: valid while that struct stays where it is.
struct ConfigSchema {
  std::vector<std::variant<ConfigField, ConfigSection, ConfigSectionList>> entries;
};

template <typename T>
ConfigSchema schema_of(T& value);

template <typename T>
struct IsStringMap : std::false_type {};
template <typename T>
struct IsStringMap<std::map<std::string, T>> : std::true_type {
  using Item = T;
};

class ConfigBuilder {
 public:
  template <typename T>
  void field(const std::string& name, T& member, const std::string& help, const ConfigLimits& limits = {}) {
    ConfigField field{.name = name, .help = help, .type = ConfigCodec<T>::type(), .limits = limits};
    field.assign = [&member](const ConfigValue& value, const ConfigPlace& place) {
      member = ConfigCodec<T>::read(value, place);
    };
    field.print = [&member] { return ConfigCodec<T>::print(member); };
    if constexpr (IsStringMap<T>::value) {
      field.assign_entry = [&member](const std::string& entry, const ConfigValue& value, const ConfigPlace& place) {
        member[entry] = ConfigCodec<typename IsStringMap<T>::Item>::read(value, place);
      };
    }
    schema_.entries.emplace_back(std::move(field));
  }

  template <typename T>
  void section(const std::string& name, T& member, const std::string& help) {
    schema_.entries.emplace_back(ConfigSection{name, help, std::make_shared<ConfigSchema>(schema_of(member))});
  }

  template <typename T>
  void list(const std::string& name, std::vector<T>& member, const std::string& help) {
    ConfigSectionList list{.name = name, .help = help};
    list.size = [&member] { return member.size(); };
    list.reset = [&member](size_t count) { member.assign(count, T{}); };
    list.section = [&member](size_t index) { return schema_of(member.at(index)); };
    list.example = [holder = std::make_shared<T>()] { return schema_of(*holder); };
    schema_.entries.emplace_back(std::move(list));
  }

  ConfigSchema take() { return std::move(schema_); }

 private:
  ConfigSchema schema_;
};

template <typename T>
ConfigSchema schema_of(T& value) {
  ConfigBuilder builder;
  value.visit(builder);
  return builder.take();
}

}  // namespace dermis
