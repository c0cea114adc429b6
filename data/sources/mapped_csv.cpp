#include "core/error.h"
#include "core/io/csv.h"
#include "core/io/read_file.h"
#include "data/fields/text.h"
#include "data/fields/toml_json.h"
#include "data/sources/licence.h"
#include "data/sources/readers.h"

namespace dermis {
namespace {

struct ColumnMap {
  std::string file, images, separator;
  std::string image, id, label, patient, lesion, split, licence, attribution, modality, label_basis;  // columns
  std::string source;                                                                                 // fixed text
  std::map<std::string, std::string> metadata;  // attribute -> column
  std::map<std::string, std::string> labels;    // source label -> class id or name
};

ColumnMap read_map(const std::string& path) {
  const Json tree = toml_to_json(read_file(path), path);
  JsonFields fields(tree, path);
  ColumnMap map;
  map.file = fields.text("file");
  map.images = fields.text_or_empty("images");
  map.separator = fields.text_or_empty("separator");
  map.image = fields.text("image");
  map.id = fields.text_or_empty("id");
  map.label = fields.text("label");
  map.patient = fields.text_or_empty("patient");
  map.lesion = fields.text_or_empty("lesion");
  map.split = fields.text_or_empty("split");
  map.licence = fields.text_or_empty("licence");
  map.attribution = fields.text_or_empty("attribution");
  map.modality = fields.text_or_empty("modality");
  map.label_basis = fields.text_or_empty("label_basis");
  map.source = fields.text("source");
  map.metadata = fields.text_map("metadata");
  map.labels = fields.text_map("labels");
  fields.no_others();
  if (map.separator.size() > 1) {
    throw Error(ErrorKind::data,
                {.what = "separator is not one character", .where = path + ", key separator", .found = map.separator});
  }
  return map;
}

}  // namespace

SourceRows read_mapped_csv(const ImportOptions& options, const FieldPack& pack) {
  if (options.map_file.empty()) {
    throw Error(ErrorKind::usage, {.what = "kind csv needs a column map",
                                   .where = "--map",
                                   .expected = "a TOML file with file, image, label, source and further columns",
                                   .fix = "docs/data.md shows one"});
  }
  const ColumnMap map = read_map(options.map_file);
  const std::filesystem::path folder(options.folder);
  const CsvTable table = CsvTable::read((folder / map.file).string(), map.separator.empty() ? ',' : map.separator[0]);
  for (const auto& [attribute, column] : map.metadata) {
    if (pack.find_attribute(attribute) == nullptr) {
      throw Error(ErrorKind::data, {.what = "the field pack has no attribute '" + attribute + "'",
                                    .where = options.map_file + ", key metadata." + attribute});
    }
    table.column(column);
  }
  const PictureIndex pictures(folder / map.images);
  SourceRows rows;
  for (const CsvRow& source : table.rows()) {
    const auto cell = [&](const std::string& column) {
      if (column.empty()) return std::string();
      const std::string& text = table.cell(source, column);
      return is_missing(text) ? std::string() : trimmed(text);
    };
    SourceRow row;
    row.where = table.where(source);
    row.item.image = cell(map.image);
    row.item.id =
        map.id.empty() ? std::filesystem::path(row.item.image).replace_extension().generic_string() : cell(map.id);
    row.image_path = row.item.image.empty() ? "" : pictures.find(row.item.image);
    const std::string raw = cell(map.label);
    const auto renamed = map.labels.find(raw);
    set_label(pack, row, renamed == map.labels.end() ? raw : renamed->second);
    row.item.patient = cell(map.patient);
    row.item.lesion = cell(map.lesion);
    row.item.split = split_name(cell(map.split), row.where + ", column " + map.split);
    row.item.source = map.source;
    row.item.licence = spdx_licence(cell(map.licence));
    row.item.attribution = cell(map.attribution);
    row.item.modality = cell(map.modality);
    row.item.label_basis = cell(map.label_basis);
    for (const auto& [attribute, column] : map.metadata) set_metadata(rows, pack, row, attribute, cell(column));
    rows.rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace dermis
