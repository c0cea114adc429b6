// Strict reading of JSON objects: every field is asked for by name and type, and at the end no field may be left over.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace dermis {

using Json = nlohmann::ordered_json;

// Reads fields of one object. Every error is Error(data) with where, field, the expected and the found type.
class JsonFields {
 public:
  JsonFields(const Json& object, std::string where);

  std::string text(const std::string& key);  // must stand there
  std::string text_or_empty(const std::string& key);
  int integer(const std::string& key);                           // must stand there; fits an int, not negative
  uint64_t unsigned_or(const std::string& key, uint64_t other);  // `other` when absent
  double number_or(const std::string& key, double other);        // `other` when absent; finite
  bool boolean_or(const std::string& key, bool other);           // `other` when absent
  std::map<std::string, std::string> text_map(const std::string& key);
  std::vector<std::string> text_list(const std::string& key);
  std::vector<std::pair<std::string, double>> weights(const std::string& key);  // [{"label":, "weight":}, ...]
  Json object_or_empty(const std::string& key);
  Json list_or_empty(const std::string& key);
  const std::string& where() const { return where_; }
  // Error(data) for a field that nobody asked for, with the nearest known name.
  void no_others() const;

 private:
  const Json* find(const std::string& key);
  const Json& need(const std::string& key);
  [[noreturn]] void mistyped(const std::string& key, const std::string& expected, const Json& found) const;

  const Json& object_;
  std::string where_;
  std::vector<std::string> known_;
};

Json weights_to_json(const std::vector<std::pair<std::string, double>>& weights);

}  // namespace dermis
