// The part of JSON Schema that docs/schemas uses: type, required, properties, additionalProperties, items, enum,
// minItems, minLength, minimum, pattern. Anything else in a schema is an error, so that nothing goes unchecked.
#pragma once

#include <nlohmann/json.hpp>
#include <regex>
#include <string>

namespace dermis::testing {

inline bool has_type(const nlohmann::json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  return type == "number" && value.is_number();
}

// "" when `value` follows `schema`, otherwise where and why not.
inline std::string schema_problem(const nlohmann::json& value, const nlohmann::json& schema,
                                  const std::string& at = "$") {
  if (schema.contains("type") && !has_type(value, schema["type"])) {
    return at + " is not of type " + schema["type"].get<std::string>();
  }
  for (const auto& [key, rule] : schema.items()) {
    if (key == "$schema" || key == "$id" || key == "title" || key == "description" || key == "type") continue;
    if (key == "enum") {
      if (std::find(rule.begin(), rule.end(), value) == rule.end()) return at + " is not in " + rule.dump();
    } else if (key == "required") {
      for (const auto& name : rule) {
        if (!value.contains(name.get<std::string>())) return at + " lacks " + name.get<std::string>();
      }
    } else if (key == "properties") {
      for (const auto& [name, sub] : rule.items()) {
        if (!value.contains(name)) continue;
        const std::string problem = schema_problem(value[name], sub, at + "." + name);
        if (!problem.empty()) return problem;
      }
    } else if (key == "additionalProperties") {
      for (const auto& [name, member] : value.items()) {
        if (schema.contains("properties") && schema["properties"].contains(name)) continue;
        if (rule.is_boolean() && !rule.get<bool>()) return at + " must not hold " + name;
        const std::string problem = rule.is_object() ? schema_problem(member, rule, at + "." + name) : "";
        if (!problem.empty()) return problem;
      }
    } else if (key == "items") {
      for (size_t i = 0; i < value.size(); ++i) {
        const std::string problem = schema_problem(value[i], rule, at + "[" + std::to_string(i) + "]");
        if (!problem.empty()) return problem;
      }
    } else if (key == "minItems"    ? value.size() < rule.get<size_t>()
               : key == "minLength" ? value.get<std::string>().size() < rule.get<size_t>()
               : key == "minimum"   ? value.get<double>() < rule.get<double>()
               : key == "pattern"   ? !std::regex_search(value.get<std::string>(), std::regex(rule.get<std::string>()))
                                    : true) {
      return at + " breaks " + key;
    }
  }
  return "";
}

}  // namespace dermis::testing
