#include <map>

#include "core/error.h"
#include "data/fields/text.h"
#include "data/sources/readers.h"

namespace dermis {
namespace {

bool is_split_folder(const std::string& name) {
  const std::string low = lower_case(name);
  return low == "train" || low == "training" || low == "val" || low == "valid" || low == "validation" || low == "test";
}

// A folder "seborrheic_keratosis" or "seborrheic-keratosis" means the class "seborrheic keratosis".
void label_of_folder(const FieldPack& pack, SourceRow& row, const std::string& folder) {
  set_label(pack, row, folder);
  if (!row.item.label.empty()) return;
  std::string spaced = folder;
  for (char& c : spaced) {
    if (c == '_' || c == '-') c = ' ';
  }
  set_label(pack, row, spaced);
  if (row.item.label.empty() && !is_missing(folder)) row.raw_label = folder;
}

// a/x.jpg is "a/x", unless a/x.png lies beside it: then both keep their extensions.
std::string id_of(const std::filesystem::path& relative, const std::map<std::string, int>& stems) {
  const std::string stem = (relative.parent_path() / relative.stem()).generic_string();
  return stems.at(stem) > 1 ? relative.generic_string() : stem;
}

}  // namespace

SourceRows read_class_folders(const ImportOptions& options, const FieldPack& pack) {
  const std::filesystem::path folder(options.folder);
  const PictureIndex pictures(folder);
  SourceRows rows;
  rows.others = pictures.others();
  std::map<std::string, int> stems;
  for (const auto& path : pictures.all()) {
    const std::filesystem::path relative = path.lexically_relative(folder);
    ++stems[(relative.parent_path() / relative.stem()).generic_string()];
  }
  for (const auto& path : pictures.all()) {
    const std::filesystem::path relative = path.lexically_relative(folder);
    std::vector<std::string> parts;
    for (const auto& part : relative) parts.push_back(part.string());
    SourceRow row;
    row.where = path.string();
    row.image_path = path.string();
    row.item.image = relative.string();
    row.item.id = id_of(relative, stems);
    row.item.source = folder.has_filename() ? folder.filename().string() : folder.parent_path().filename().string();
    size_t at = 0;
    if (parts.size() > 2 && is_split_folder(parts[0])) row.item.split = split_name(parts[at++], row.where);
    if (at + 1 < parts.size()) label_of_folder(pack, row, parts[at]);
    rows.rows.push_back(std::move(row));
  }
  if (rows.rows.empty()) {
    throw Error(ErrorKind::data, {.what = "no pictures found",
                                  .where = folder.string(),
                                  .expected = "<class>/<picture>.jpg or <train|val|test>/<class>/<picture>.jpg"});
  }
  return rows;
}

}  // namespace dermis
