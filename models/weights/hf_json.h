// Typed reading of a Hugging Face JSON file: every failure names file, field, expected and found.
#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace dermis {

// Error(data) for an absent or unreadable file, and for text that is not a JSON object (with the byte).
nlohmann::json read_json_object(const std::string& path);

class HfJson {
 public:
  HfJson(const nlohmann::json& object, std::string file, std::string prefix = {})
      : object_(object), file_(std::move(file)), prefix_(std::move(prefix)) {}

  // Absent or null: nothing. A value of another kind is Error(data).
  std::optional<int64_t> integer(const std::string& key) const;
  std::optional<double> number(const std::string& key) const;
  std::optional<bool> boolean(const std::string& key) const;
  std::optional<std::string> text(const std::string& key) const;
  std::optional<std::array<float, 3>> triple(const std::string& key) const;  // one number a colour channel
  std::optional<HfJson> object(const std::string& key) const;
  bool has(const std::string& key) const { return object_.contains(key) && !object_.at(key).is_null(); }

  // "config.json, text_config.vocab_size"
  std::string where(const std::string& key) const { return file_ + ", " + prefix_ + key; }
  [[noreturn]] void reject(const std::string& key, const std::string& expected, const std::string& fix) const;

 private:
  const nlohmann::json* find(const std::string& key) const;

  const nlohmann::json& object_;
  std::string file_, prefix_;
};

}  // namespace dermis
