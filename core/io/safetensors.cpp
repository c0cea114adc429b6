#include "core/io/safetensors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/error.h"

namespace dermis {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference implementation
constexpr int kMaxDepth = 4;                       // header {tensor {shape [numbers]}}

using Json = nlohmann::json;

struct Place {
  TensorView view;
  uint64_t begin = 0;
  uint64_t end = 0;
};

[[noreturn]] void reject(const std::string& path, const std::string& what, const std::string& expected,
                         const std::string& found) {
  throw Error(ErrorKind::data, {.what = "damaged safetensors file: " + what,
                                .where = path,
                                .expected = expected,
                                .found = found,
                                .fix = "copy or download the file again; if it was just written, write it anew"});
}

[[noreturn]] void reject_tensor(const std::string& path, const std::string& tensor, const std::string& what,
                                const std::string& expected, const std::string& found) {
  reject(path + ", tensor '" + tensor + "'", what, expected, found);
}

std::string_view read_header(const MmapFile& file) {
  const auto bytes = file.bytes();
  if (bytes.size() < 8) {
    reject(file.path(), "too short for a header length", "at least 8 bytes", std::to_string(bytes.size()) + " bytes");
  }
  uint64_t length = 0;
  for (size_t i = 0; i < 8; ++i) length |= std::to_integer<uint64_t>(bytes[i]) << (8 * i);
  if (length > kMaxHeaderBytes) {
    reject(file.path(), "header length at offset 0 is too large", "at most 100000000 bytes",
           std::to_string(length) + " bytes");
  }
  if (length > bytes.size() - 8) {
    reject(file.path(), "header ends behind the file", std::to_string(length) + " header bytes from offset 8",
           std::to_string(bytes.size() - 8) + " bytes");
  }
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + 8, length);
  if (header.empty() || header.front() != '{') {
    reject(file.path(), "header does not start with '{'", "'{' at offset 8",
           header.empty() ? "an empty header" : "byte " + std::to_string(static_cast<unsigned char>(header.front())));
  }
  const size_t nul = header.find('\0');  // the JSON parser would take it for the end of the text
  if (nul != std::string_view::npos) {
    reject(file.path(), "zero byte in the header", "JSON text", "byte 0 at offset " + std::to_string(nul + 8));
  }
  return header;
}

Json parse_header(const std::string& path, std::string_view header) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > kMaxDepth) reject(path, "header is nested too deeply", "objects with dtype, shape, data_offsets", "");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      reject(path, "name '" + value.get<std::string>() + "' occurs twice in the header", "each name once", "");
    }
    return true;
  };
  try {
    return Json::parse(header.begin(), header.end(), check);
  } catch (const Json::exception& error) {
    reject(path, "header is not UTF-8 JSON", "a JSON object", error.what());
  }
}

std::map<std::string, std::string> parse_metadata(const std::string& path, const Json& json) {
  std::map<std::string, std::string> metadata;
  if (!json.is_object()) reject(path, "__metadata__ is not an object", "text -> text", json.type_name());
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) {
      reject(path, "__metadata__ holds something that is not text", "text for '" + key + "'", value.type_name());
    }
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

std::vector<uint64_t> parse_numbers(const std::string& path, const std::string& tensor, const char* field,
                                    const Json& json) {
  std::vector<uint64_t> numbers;
  const bool valid =
      json.is_array() && std::all_of(json.begin(), json.end(), [](const Json& number) {
        return number.is_number_unsigned() && number.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()};
      });
  if (!valid) {
    reject_tensor(path, tensor, std::string(field) + " is not a list of sizes", "whole numbers of at most 2^63 - 1",
                  json.dump().substr(0, 80));
  }
  for (const Json& number : json) numbers.push_back(number.get<uint64_t>());
  return numbers;
}

// nullopt on overflow; a zero anywhere makes an empty tensor, but the other sizes must still multiply.
std::optional<uint64_t> byte_count(const std::vector<uint64_t>& shape, DType dtype) {
  uint64_t count = size_of(dtype);
  for (const uint64_t size : shape) {
    if (__builtin_mul_overflow(count, size, &count)) return std::nullopt;
  }
  return count;
}

Place parse_tensor(const std::string& path, const std::string& name, const Json& json) {
  if (!json.is_object()) reject_tensor(path, name, "entry is not an object", "{dtype, shape, data_offsets}", "");
  for (const char* field : {"dtype", "shape", "data_offsets"}) {
    if (!json.contains(field)) reject_tensor(path, name, "field is missing", field, json.dump().substr(0, 80));
  }
  if (json.size() != 3) {
    reject_tensor(path, name, "unknown field", "dtype, shape and data_offsets only", json.dump().substr(0, 80));
  }
  Place place;
  place.view.name = name;
  const Json& dtype = json["dtype"];
  const auto known = dtype.is_string() ? parse_enum<DType>(dtype.get<std::string>()) : std::nullopt;
  if (!known) {
    std::string names;
    for (const std::string& each : enum_names<DType>()) names += (names.empty() ? "" : " ") + each;
    reject_tensor(path, name, "unknown dtype", names, dtype.dump().substr(0, 80));
  }
  place.view.dtype = *known;
  const auto shape = parse_numbers(path, name, "shape", json["shape"]);
  place.view.shape.assign(shape.begin(), shape.end());
  const auto offsets = parse_numbers(path, name, "data_offsets", json["data_offsets"]);
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    reject_tensor(path, name, "data_offsets are not a range", "[begin, end] with begin <= end",
                  json["data_offsets"].dump().substr(0, 80));
  }
  place.begin = offsets[0];
  place.end = offsets[1];
  const auto bytes = byte_count(shape, *known);
  if (!bytes || *bytes != place.end - place.begin) {
    reject_tensor(path, name, "shape and data_offsets disagree",
                  (bytes ? std::to_string(*bytes) : "more than 2^64") + " bytes for shape " + json["shape"].dump() +
                      " of " + dtype.get<std::string>(),
                  std::to_string(place.end - place.begin) + " bytes at offset " + std::to_string(place.begin));
  }
  return place;
}

// Sorted by place, the tensors must follow each other from the first byte to the last.
void check_tiling(const std::string& path, const std::vector<Place>& places, uint64_t data_bytes) {
  uint64_t next = 0;
  for (const Place& place : places) {
    if (place.end > data_bytes) {
      reject_tensor(path, place.view.name, "data ends behind the file",
                    "data within " + std::to_string(data_bytes) + " bytes",
                    "bytes " + std::to_string(place.begin) + " to " + std::to_string(place.end));
    }
    if (place.begin != next) {
      reject_tensor(path, place.view.name, place.begin < next ? "data overlaps another tensor" : "hole before the data",
                    "data at offset " + std::to_string(next), "offset " + std::to_string(place.begin));
    }
    next = place.end;
  }
  if (next != data_bytes) {
    reject(path, "data behind the last tensor", std::to_string(next) + " bytes of data",
           std::to_string(data_bytes) + " bytes");
  }
}

}  // namespace

SafetensorsFile SafetensorsFile::open(const std::string& path) {
  SafetensorsFile result{MmapFile(path)};
  const std::string_view header = read_header(result.file_);
  const Json json = parse_header(path, header);
  std::vector<Place> places;
  places.reserve(json.size());
  for (const auto& [name, entry] : json.items()) {
    if (name == "__metadata__") {
      result.metadata_ = parse_metadata(path, entry);
    } else {
      places.push_back(parse_tensor(path, name, entry));
    }
  }
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  const auto data = result.file_.bytes().subspan(8 + header.size());
  check_tiling(path, places, data.size());
  result.tensors_.reserve(places.size());
  for (Place& place : places) {
    place.view.bytes = data.subspan(place.begin, place.end - place.begin);
    result.index_.emplace(place.view.name, result.tensors_.size());
    result.tensors_.push_back(std::move(place.view));
  }
  return result;
}

const TensorView* SafetensorsFile::find(std::string_view name) const {
  const auto found = index_.find(std::string(name));
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

}  // namespace dermis
