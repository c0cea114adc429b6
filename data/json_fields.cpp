#include "data/json_fields.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/nearest_name.h"

namespace dermis {
namespace {

std::string excerpt(const Json& json) {
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return std::string(json.type_name()) + " " + text;
}

}  // namespace

JsonFields::JsonFields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
  if (!object.is_object()) {
    throw Error(ErrorKind::data,
                {.what = "not a JSON object", .where = where_, .expected = "object", .found = excerpt(object)});
  }
}

void JsonFields::mistyped(const std::string& key, const std::string& expected, const Json& found) const {
  throw Error(ErrorKind::data, {.what = "field '" + key + "' has the wrong type",
                                .where = where_ + ", field " + key,
                                .expected = expected,
                                .found = excerpt(found)});
}

const Json* JsonFields::find(const std::string& key) {
  known_.push_back(key);
  const auto at = object_.find(key);
  return at == object_.end() ? nullptr : &*at;
}

const Json& JsonFields::need(const std::string& key) {
  const Json* value = find(key);
  if (value == nullptr) {
    throw Error(ErrorKind::data, {.what = "field '" + key + "' is missing",
                                  .where = where_ + ", field " + key,
                                  .fix = "docs/schemas lists the fields that must stand in a line"});
  }
  return *value;
}

std::string JsonFields::text(const std::string& key) {
  const Json& value = need(key);
  if (!value.is_string()) mistyped(key, "string", value);
  return value.get<std::string>();
}

std::string JsonFields::text_or_empty(const std::string& key) {
  const Json* value = find(key);
  if (value == nullptr) return {};
  if (!value->is_string()) mistyped(key, "string", *value);
  return value->get<std::string>();
}

int JsonFields::integer(const std::string& key) {
  const Json& value = need(key);
  if (!value.is_number_integer() || value.get<double>() < 0 || value.get<double>() > std::numeric_limits<int>::max()) {
    mistyped(key, "integer from 0 to 2147483647", value);
  }
  return value.get<int>();
}

uint64_t JsonFields::unsigned_or(const std::string& key, uint64_t other) {
  const Json* value = find(key);
  if (value == nullptr) return other;
  const bool negative = value->is_number_integer() && !value->is_number_unsigned() && value->get<int64_t>() < 0;
  if (!value->is_number_integer() || negative) mistyped(key, "integer of 0 or more", *value);
  return value->get<uint64_t>();
}

double JsonFields::number_or(const std::string& key, double other) {
  const Json* value = find(key);
  if (value == nullptr) return other;
  if (!value->is_number() || !std::isfinite(value->get<double>())) mistyped(key, "finite number", *value);
  return value->get<double>();
}

bool JsonFields::boolean_or(const std::string& key, bool other) {
  const Json* value = find(key);
  if (value == nullptr) return other;
  if (!value->is_boolean()) mistyped(key, "true or false", *value);
  return value->get<bool>();
}

std::map<std::string, std::string> JsonFields::text_map(const std::string& key) {
  std::map<std::string, std::string> result;
  const Json object = object_or_empty(key);
  for (const auto& [name, value] : object.items()) {
    if (!value.is_string()) mistyped(key + "." + name, "string", value);
    result[name] = value.get<std::string>();
  }
  return result;
}

std::vector<std::string> JsonFields::text_list(const std::string& key) {
  std::vector<std::string> result;
  for (const Json& value : list_or_empty(key)) {
    if (!value.is_string()) mistyped(key, "list of strings", value);
    result.push_back(value.get<std::string>());
  }
  return result;
}

std::vector<std::pair<std::string, double>> JsonFields::weights(const std::string& key) {
  std::vector<std::pair<std::string, double>> result;
  for (const Json& value : list_or_empty(key)) {
    JsonFields fields(value, where_ + ", field " + key);
    const std::string label = fields.text("label");
    result.emplace_back(label, fields.number_or("weight", -1));
    fields.no_others();
    if (result.back().second < 0) mistyped(key, "weights of 0 or more", value);
  }
  return result;
}

Json JsonFields::object_or_empty(const std::string& key) {
  const Json* value = find(key);
  if (value == nullptr) return Json::object();
  if (!value->is_object()) mistyped(key, "object", *value);
  return *value;
}

Json JsonFields::list_or_empty(const std::string& key) {
  const Json* value = find(key);
  if (value == nullptr) return Json::array();
  if (!value->is_array()) mistyped(key, "list", *value);
  return *value;
}

void JsonFields::no_others() const {
  for (const auto& [name, value] : object_.items()) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    const std::string near = nearest_name(name, known_);
    throw Error(ErrorKind::data, {.what = "unknown field '" + name + "'",
                                  .where = where_ + ", field " + name,
                                  .found = excerpt(value),
                                  .fix = near.empty() ? "remove it" : "did you mean '" + near + "'?"});
  }
}

Json weights_to_json(const std::vector<std::pair<std::string, double>>& weights) {
  Json list = Json::array();
  for (const auto& [label, weight] : weights) list.push_back({{"label", label}, {"weight", weight}});
  return list;
}

}  // namespace dermis
