#include "data/sources/source_row.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "data/fields/text.h"

namespace dermis {

void set_metadata(SourceRows& rows, const FieldPack& pack, SourceRow& row, const std::string& attribute,
                  const std::string& raw) {
  const Attribute* known = pack.find_attribute(attribute);
  if (known == nullptr) {
    if (!is_missing(raw)) ++rows.unknown_values[attribute + ": (the field pack has no such attribute)"];
    return;
  }
  try {
    const auto value = normal_value(*known, raw, row.where);
    if (value) row.item.metadata[attribute] = *value;
  } catch (const Error&) {
    ++rows.unknown_values[attribute + ": " + trimmed(raw)];
  }
}

void set_label(const FieldPack& pack, SourceRow& row, const std::string& raw) {
  if (is_missing(raw)) return;
  row.raw_label = trimmed(raw);
  if (const ClassInfo* info = pack.class_of_source_label(raw)) row.item.label = info->id;
}

bool is_picture_name(const std::filesystem::path& path) {
  static const std::array<const char*, 7> kExtensions{".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"};
  const std::string extension = lower_case(path.extension().string());
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

namespace {

std::string why_no_picture(const std::filesystem::directory_entry& entry) {
  std::error_code ignored;
  if (entry.is_symlink(ignored) && !entry.exists(ignored)) return "a link to nothing";
  if (entry.is_directory(ignored)) return "a link to a folder, not followed";
  if (!entry.is_regular_file(ignored)) return "no regular file";
  return "no picture kind that is read";
}

}  // namespace

PictureIndex::PictureIndex(const std::filesystem::path& folder) : folder_(folder) {
  std::error_code problem;
  std::filesystem::recursive_directory_iterator walk(folder, problem);
  if (problem) {
    throw Error(ErrorKind::data,
                {.what = "folder cannot be read", .where = folder.string(), .found = problem.message()});
  }
  for (const auto& entry : walk) {
    std::error_code ignored;
    if (entry.is_regular_file(ignored) && is_picture_name(entry.path())) {
      all_.push_back(entry.path());
    } else if (entry.is_symlink(ignored) || !entry.is_directory(ignored)) {
      others_.push_back(entry.path().string() + " (" + why_no_picture(entry) + ")");
    }
  }
  std::sort(all_.begin(), all_.end());
  std::sort(others_.begin(), others_.end());
  for (const auto& path : all_) {
    by_name_[path.filename().string()].push_back(path.string());
    by_name_[path.stem().string()].push_back(path.string());
  }
}

std::string PictureIndex::find(const std::string& name) const {
  const std::filesystem::path direct = folder_ / name;
  std::error_code ignored;
  if (std::filesystem::is_regular_file(direct, ignored)) return direct.string();
  const auto at = by_name_.find(std::filesystem::path(name).filename().string());
  if (at == by_name_.end()) return "";
  if (at->second.size() == 1) return at->second.front();
  throw Error(ErrorKind::data, {.what = "two pictures have the name that the table gives",
                                .where = name,
                                .found = at->second[0] + " and " + at->second[1],
                                .fix = "give paths in the table, or move one picture out of the folder"});
}

std::string split_name(const std::string& raw, const std::string& where) {
  if (is_missing(raw)) return "";
  const std::string low = lower_case(trimmed(raw));
  if (low == "train" || low == "training") return "train";
  if (low == "val" || low == "valid" || low == "validation" || low == "dev") return "val";
  if (low == "test" || low == "testing" || low == "holdout") return "test";
  throw Error(ErrorKind::data,
              {.what = "unknown split", .where = where, .expected = "train, val or test", .found = raw});
}

}  // namespace dermis
