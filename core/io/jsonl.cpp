#include "core/io/jsonl.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "core/error.h"
#include "core/io/atomic_file.h"
#include "core/io/io_error.h"
#include "core/io/mmap_file.h"

namespace dermis {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxLineBytes = size_t{1} << 28;
constexpr int kMaxDepth = 200;

[[noreturn]] void reject(const std::string& where, const std::string& what, const std::string& found) {
  throw Error(ErrorKind::data, {.what = what,
                                .where = where,
                                .expected = "one JSON object a line, UTF-8",
                                .found = found,
                                .fix = "correct the line, or make the file anew"});
}

std::string_view text_of(const MmapFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

bool is_whole_object(std::string_view text) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  return json.is_object();
}

}  // namespace

Json parse_json(std::string_view text, const std::string& where) {
  const size_t nul = text.find('\0');  // the parser would take it for the end of the text
  if (nul != std::string_view::npos) reject(where, "zero byte in JSON text", "byte 0 at column " + std::to_string(nul));
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > kMaxDepth) reject(where, "JSON is nested too deeply", "more than 200 levels");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      reject(where, "key '" + value.get<std::string>() + "' occurs twice in one object", "");
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), check);
  } catch (const Json::exception& error) {
    reject(where, "not JSON", error.what());
  }
}

std::string to_line(const Json& json) {
  try {
    return json.dump() + "\n";
  } catch (const Json::exception& error) {
    throw Error(ErrorKind::data, {.what = "text that is not UTF-8 cannot be written as JSON",
                                  .found = error.what(),
                                  .fix = "save the source of this text as UTF-8"});
  }
}

void for_each_jsonl(const std::string& path, const std::function<void(const JsonlLine&)>& visit, TornLine torn) {
  const MmapFile file(path);
  std::string_view rest = text_of(file);
  JsonlLine line;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view text = rest.substr(0, end);
    line.where = path + ":" + std::to_string(++line.number);
    if (end == std::string_view::npos && torn == TornLine::skip && !is_whole_object(text)) return;
    if (text.size() > kMaxLineBytes) reject(line.where, "line is too long", std::to_string(text.size()) + " bytes");
    if (text.empty() || text == "\r") reject(line.where, "empty line", "");
    line.json = parse_json(text, line.where);
    if (!line.json.is_object()) reject(line.where, "not a JSON object", line.json.type_name());
    visit(line);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
}

std::vector<Json> read_jsonl(const std::string& path, TornLine torn) {
  std::vector<Json> lines;
  for_each_jsonl(
      path, [&](const JsonlLine& line) { lines.push_back(line.json); }, torn);
  return lines;
}

void write_jsonl(const std::string& path, const std::vector<Json>& lines) {
  AtomicFile file(path);
  for (const Json& line : lines) file.write(to_line(line));
  file.commit();
}

JsonlWriter::JsonlWriter(const std::string& path) : file_(path, O_RDWR | O_CREAT | O_APPEND) {
  const MmapFile existing(path);
  const std::string_view text = text_of(existing);
  if (text.empty() || text.back() == '\n') return;
  const size_t last = text.rfind('\n');
  const size_t keep = last == std::string_view::npos ? 0 : last + 1;
  if (is_whole_object(text.substr(keep))) {  // another tool wrote it without the final newline
    file_.write_all(std::as_bytes(std::span("\n", 1)));
    return;
  }
  if (::ftruncate(file_.get(), static_cast<off_t>(keep)) != 0) throw_io_error("write", path, errno);
}

void JsonlWriter::append(const Json& json) {
  const std::string text = to_line(json);
  const auto before = static_cast<off_t>(file_.size());
  try {
    file_.write_all(std::as_bytes(std::span(text)));
  } catch (const Error&) {
    // A full disk may have taken a part of the line; what remains ends with a whole line again.
    if (::ftruncate(file_.get(), before) != 0) throw;
    throw;
  }
}

void JsonlWriter::sync() { file_.sync(); }

}  // namespace dermis
