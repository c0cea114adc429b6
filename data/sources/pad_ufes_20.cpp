#include <algorithm>

#include "core/error.h"
#include "core/io/csv.h"
#include "data/fields/text.h"
#include "data/sources/readers.h"

namespace dermis {
namespace {

std::map<std::string, std::string> read_splits(const std::filesystem::path& path) {
  std::map<std::string, std::string> splits;
  if (!std::filesystem::exists(path)) return splits;
  const CsvTable table = CsvTable::read(path.string());
  for (const CsvRow& row : table.rows()) {
    const std::string split = split_name(table.cell(row, "split"), table.where(row) + ", column split");
    const auto [at, fresh] = splits.emplace(table.cell(row, "img_id"), split);
    if (!fresh && at->second != split) {
      throw Error(ErrorKind::data, {.what = "picture stands in two splits",
                                    .where = table.where(row) + ", column img_id",
                                    .found = at->first + " in " + at->second + " and " + split});
    }
  }
  return splits;
}

// The larger of the two measured diameters.
std::string diameter(const CsvTable& table, const CsvRow& row) {
  const std::string& first = table.cell(row, "diameter_1");
  const std::string& second = table.cell(row, "diameter_2");
  if (is_missing(first) || is_missing(second)) return is_missing(first) ? second : first;
  return std::strtod(first.c_str(), nullptr) >= std::strtod(second.c_str(), nullptr) ? first : second;
}

}  // namespace

SourceRows read_pad_ufes_20(const ImportOptions& options, const FieldPack& pack) {
  const std::filesystem::path folder(options.folder);
  const CsvTable table = CsvTable::read((folder / "metadata.csv").string());
  const auto splits = read_splits(folder / "splits.csv");
  const PictureIndex pictures(folder);
  SourceRows rows;
  for (const CsvRow& source : table.rows()) {
    const auto cell = [&](const std::string& column) {
      const std::string& text = table.cell(source, column);
      return is_missing(text) ? std::string() : trimmed(text);
    };
    SourceRow row;
    row.where = table.where(source);
    Item& item = row.item;
    item.image = cell("img_id");
    item.id = std::filesystem::path(item.image).stem().string();
    row.image_path = item.image.empty() ? "" : pictures.find("images/" + item.image);
    item.patient = cell("patient_id");
    item.lesion = cell("lesion_id");
    const auto split = splits.find(item.image);
    if (split != splits.end()) item.split = split->second;
    item.source = "pad_ufes_20";
    item.version = "1";
    item.licence = "CC-BY-4.0";
    item.attribution = "Pacheco et al. 2020, PAD-UFES-20, doi:10.17632/zr7vgbcyr2.1";
    item.modality = "clinical";
    item.label_basis = lower_case(cell("biopsed")) == "true" ? "histopathology" : "consensus";
    set_label(pack, row, cell("diagnostic"));
    item.metadata["device"] = "smartphone";
    for (const auto& [attribute, column] :
         {std::pair{"age", "age"}, std::pair{"sex", "gender"}, std::pair{"site", "region"},
          std::pair{"fitzpatrick", "fitspatrick"}, std::pair{"itch", "itch"}, std::pair{"grew", "grew"},
          std::pair{"hurt", "hurt"}, std::pair{"changed", "changed"}, std::pair{"bleed", "bleed"},
          std::pair{"elevation", "elevation"}, std::pair{"biopsed", "biopsed"},
          std::pair{"personal_history", "skin_cancer_history"}}) {
      set_metadata(rows, pack, row, attribute, cell(column));
    }
    set_metadata(rows, pack, row, "diameter", diameter(table, source));
    rows.rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace dermis
