// What an importer reads for one picture before the picture itself is opened.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "data/fields/field_pack.h"
#include "data/item.h"

namespace dermis {

struct SourceRow {
  Item item;               // without sha256, phash, width, height; label only when the pack knows it
  std::string image_path;  // where the picture should lie; "" when no file of that name was found
  std::string raw_label;   // as the source writes it; "" when missing
  std::string where;       // file and line
};

// Values that were left out because their attribute does not allow them: "attribute: value" -> count.
using UnknownValues = std::map<std::string, int64_t>;

struct SourceRows {
  std::vector<SourceRow> rows;
  std::vector<std::string> others;  // kind folder: what lies there and is no picture that is read, with why
  UnknownValues unknown_values;
};

// Sets metadata[attribute] unless `raw` is missing; a value that the pack does not allow is counted and left out.
void set_metadata(SourceRows& rows, const FieldPack& pack, SourceRow& row, const std::string& attribute,
                  const std::string& raw);

// Sets the label when the pack knows `raw`; keeps raw_label for the report either way. Missing stays missing.
void set_label(const FieldPack& pack, SourceRow& row, const std::string& raw);

// Pictures below `folder` by file name and by name without extension: .jpg .jpeg .png .bmp .tif .tiff .webp.
class PictureIndex {
 public:
  explicit PictureIndex(const std::filesystem::path& folder);
  // Path of the picture called `name` (with or without extension, or a path relative to the folder); "" when absent.
  // Error(data) when two pictures in different folders, or of different kinds, could be meant.
  std::string find(const std::string& name) const;
  const std::vector<std::filesystem::path>& all() const { return all_; }  // sorted
  // Everything else but folders, sorted: "notes.txt (no picture kind that is read)".
  const std::vector<std::string>& others() const { return others_; }

 private:
  std::filesystem::path folder_;
  std::vector<std::filesystem::path> all_;
  std::vector<std::string> others_;
  std::map<std::string, std::vector<std::string>> by_name_;
};

bool is_picture_name(const std::filesystem::path& path);

// "train", "val", "test" from what sources write (training, validation, testing, ...); "" when missing.
// Error(data) for anything else.
std::string split_name(const std::string& raw, const std::string& where);

}  // namespace dermis
