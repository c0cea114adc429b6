#include "data/fields/field_pack.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>

#include "core/error.h"
#include "core/io/embedded.h"
#include "core/io/hash.h"
#include "core/io/read_file.h"
#include "core/nearest_name.h"
#include "data/fields/read_pack.h"
#include "data/fields/text.h"
#include "data/fields/toml_json.h"

namespace dermis {
namespace {

using Reader = void (*)(const Json&, const std::string&, FieldPack&);
struct PackFile {
  const char* name;
  Reader read;
};
constexpr std::array<PackFile, 6> kFiles{{{"taxonomy.toml", read_taxonomy},
                                          {"attributes.toml", read_attributes},
                                          {"questions.toml", read_questions},
                                          {"answers.toml", read_answers},
                                          {"strata.toml", read_strata},
                                          {"checks.toml", read_checks}}};

template <typename T>
const T* by_id(const std::vector<T>& entries, const std::string& id) {
  const auto at = std::find_if(entries.begin(), entries.end(), [&](const T& entry) { return entry.id == id; });
  return at == entries.end() ? nullptr : &*at;
}

std::map<std::string, std::string> embedded_files(const std::string& name, std::vector<std::string>& known) {
  std::map<std::string, std::string> files;
  for (const EmbeddedFile& file : embedded_data()) {
    const std::string path(file.path);
    if (path.rfind("fields/", 0) != 0) continue;
    const size_t slash = path.find('/', 7);
    if (slash == std::string::npos) continue;
    const std::string pack = path.substr(7, slash - 7);
    if (std::find(known.begin(), known.end(), pack) == known.end()) known.push_back(pack);
    if (pack == name) files[path.substr(slash + 1)] = std::string(file.text);
  }
  return files;
}

std::map<std::string, std::string> folder_files(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".toml") continue;
    files[entry.path().filename().string()] = read_file(entry.path().string());
  }
  return files;
}

}  // namespace

bool SourceInfo::covers(const std::string& item_source) const {
  return std::any_of(items.begin(), items.end(), [&](const std::string& pattern) {
    if (!pattern.empty() && pattern.back() == '*')
      return item_source.rfind(pattern.substr(0, pattern.size() - 1), 0) == 0;
    return pattern == item_source;
  });
}

std::optional<std::string> Stratum::of(const std::string& value) const {
  if (bands.empty()) return value;
  const double number = std::strtod(value.c_str(), nullptr);
  for (const StratumBand& band : bands) {
    if (number >= band.low && number < band.high) return band.id;
  }
  return std::nullopt;
}

const ClassInfo* FieldPack::find_class(const std::string& id) const { return by_id(classes, id); }
const Attribute* FieldPack::find_attribute(const std::string& id) const { return by_id(attributes, id); }
const SourceInfo* FieldPack::find_source(const std::string& id) const { return by_id(sources, id); }
const QuestionType* FieldPack::find_type(const std::string& id) const { return by_id(types, id); }
const Stratum* FieldPack::find_stratum(const std::string& id) const { return by_id(strata, id); }

const ClassInfo* FieldPack::class_of_source_label(const std::string& text) const {
  const std::string wanted = lower_case(trimmed(text));
  const auto same = [&](const std::string& name) { return lower_case(name) == wanted; };
  for (const ClassInfo& info : classes) {
    if (same(info.id) || same(info.name)) return &info;
    if (std::any_of(info.synonyms.begin(), info.synonyms.end(), same)) return &info;
    if (std::any_of(info.codes.begin(), info.codes.end(), same)) return &info;
  }
  return nullptr;
}

std::string FieldPack::group_name(const ClassInfo& info) const {
  const ClassGroup* group = by_id(groups, info.group);
  return group == nullptr ? std::string() : group->name;
}

FieldPack parse_field_pack(const std::string& name, const std::map<std::string, std::string>& files) {
  FieldPack pack;
  std::string all;
  for (const PackFile& file : kFiles) {
    const auto at = files.find(file.name);
    const std::string where = name + "/" + file.name;
    if (at == files.end()) {
      throw Error(ErrorKind::data,
                  {.what = "field pack lacks a file",
                   .where = where,
                   .expected = "taxonomy, attributes, questions, answers, strata, costs, checks .toml"});
    }
    file.read(toml_to_json(at->second, where), where, pack);
    all += std::string(file.name) + "\n" + std::to_string(at->second.size()) + "\n" + at->second;
  }
  check_references(pack, name);
  pack.digest = sha256_hex(all);
  return pack;
}

FieldPack load_field_pack(const std::string& name_or_folder) {
  std::vector<std::string> known;
  const auto embedded = embedded_files(name_or_folder, known);
  if (!embedded.empty()) return parse_field_pack(name_or_folder, embedded);
  std::error_code ignored;
  if (std::filesystem::is_directory(name_or_folder, ignored)) {
    return parse_field_pack(name_or_folder, folder_files(name_or_folder));
  }
  std::string list;
  for (const std::string& pack : known) list += (list.empty() ? "" : ", ") + pack;
  const std::string near = nearest_name(name_or_folder, known);
  throw Error(ErrorKind::usage, {.what = "unknown field pack '" + name_or_folder + "'",
                                 .where = "--field",
                                 .expected = list + " or a folder with the seven TOML files",
                                 .fix = near.empty() ? "" : "did you mean '" + near + "'?"});
}

}  // namespace dermis
