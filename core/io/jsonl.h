// JSON Lines: one JSON object a line, UTF-8, "\n". Errors name file and line.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/file_descriptor.h"

namespace dermis {

struct JsonlLine {
  nlohmann::ordered_json json;  // an object
  int64_t number = 0;           // from 1
  std::string where;            // "<path>:<number>"
};

// What to do with a last line that has no "\n", as a killed writer leaves it. A last line without "\n" that is whole
// JSON counts as a line either way.
enum class TornLine { error, skip };

// Calls `visit` for every line in order. Error(data): absent file, a line that is not one JSON object, invalid UTF-8, a
// key twice in one object, an empty line, a line longer than 256 MiB.
void for_each_jsonl(const std::string& path, const std::function<void(const JsonlLine&)>& visit,
                    TornLine torn = TornLine::error);
std::vector<nlohmann::ordered_json> read_jsonl(const std::string& path, TornLine torn = TornLine::error);
// Parses one text under the same rules; `where` is named in the error.
nlohmann::ordered_json parse_json(std::string_view text, const std::string& where);
std::string to_line(const nlohmann::ordered_json& json);  // compact, with "\n"; Error(data) for text that is not UTF-8

void write_jsonl(const std::string& path, const std::vector<nlohmann::ordered_json>& lines);  // atomic

// Appends whole lines; each append() is one write(2), so readers and a later run see whole lines only. Opening an
// existing file first cuts off a torn last line.
class JsonlWriter {
 public:
  explicit JsonlWriter(const std::string& path);  // makes the file when absent
  void append(const nlohmann::ordered_json& json);
  void sync();  // fsync: survives a power cut, not only a killed process

 private:
  FileDescriptor file_;
};

}  // namespace dermis
