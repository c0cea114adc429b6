#include "models/weights/hf_json.h"

#include <cstdint>

#include "core/error.h"
#include "core/io/mmap_file.h"

namespace dermis {

nlohmann::json read_json_object(const std::string& path) {
  const MmapFile file(path);
  const auto* begin = reinterpret_cast<const char*>(file.bytes().data());
  nlohmann::json parsed;
  try {
    parsed = nlohmann::json::parse(begin, begin + file.bytes().size());
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::data, {.what = "A file of the model folder is not valid JSON",
                                  .where = path,
                                  .expected = "one JSON object",
                                  .found = error.what(),
                                  .fix = "copy the file again from where the model came from"});
  }
  if (!parsed.is_object()) {
    throw Error(ErrorKind::data, {.what = "A file of the model folder is not a JSON object",
                                  .where = path,
                                  .expected = "{...}",
                                  .found = parsed.type_name(),
                                  .fix = "copy the file again from where the model came from"});
  }
  return parsed;
}

const nlohmann::json* HfJson::find(const std::string& key) const { return has(key) ? &object_.at(key) : nullptr; }

void HfJson::reject(const std::string& key, const std::string& expected, const std::string& fix) const {
  throw Error(ErrorKind::data, {.what = "A field of the model's configuration cannot be used",
                                .where = where(key),
                                .expected = expected,
                                .found = has(key) ? object_.at(key).dump() : "nothing",
                                .fix = fix});
}

namespace {
constexpr const char* kFixType = "take the model's original file, or correct the field by hand";
}

std::optional<int64_t> HfJson::integer(const std::string& key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return std::nullopt;
  // Wider numbers could not be multiplied into shapes without overflow.
  if (!value->is_number_integer() || *value < 0 || *value > int64_t{1} << 31)
    reject(key, "a whole number in [0, 2^31]", kFixType);
  return value->get<int64_t>();
}

std::optional<double> HfJson::number(const std::string& key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) reject(key, "a number", kFixType);
  return value->get<double>();
}

std::optional<bool> HfJson::boolean(const std::string& key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) reject(key, "true or false", kFixType);
  return value->get<bool>();
}

std::optional<std::string> HfJson::text(const std::string& key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) reject(key, "text", kFixType);
  return value->get<std::string>();
}

std::optional<std::array<float, 3>> HfJson::triple(const std::string& key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return std::nullopt;
  std::array<float, 3> result{};
  if (!value->is_array() || value->size() != result.size()) reject(key, "a list of three numbers", kFixType);
  for (size_t i = 0; i < result.size(); ++i) {
    if (!(*value)[i].is_number()) reject(key, "a list of three numbers", kFixType);
    result[i] = (*value)[i].get<float>();
  }
  return result;
}

std::optional<HfJson> HfJson::object(const std::string& key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) reject(key, "an object", kFixType);
  return HfJson(*value, file_, prefix_ + key + ".");
}

}  // namespace dermis
