#include <algorithm>
#include <unordered_map>

#include "core/error.h"
#include "core/io/csv.h"
#include "data/fields/text.h"
#include "data/sources/licence.h"
#include "data/sources/readers.h"

namespace dermis {
namespace {

struct Table {
  CsvTable csv;
  std::string id_column;
  std::string split;                                         // from the file's name
  std::vector<std::pair<std::string, std::string>> one_hot;  // column, class id
  bool challenge_2017 = false;
};

// All columns of all tables for one picture.
struct Merged {
  std::map<std::string, std::string> cells;
  std::string where, split, one_hot_label;
};

std::string first_column(const CsvTable& csv, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (csv.has(name)) return name;
  }
  return "";
}

bool is_zero_or_one(const CsvTable& csv, const std::string& column) {
  const size_t index = csv.column(column);
  return std::all_of(csv.rows().begin(), csv.rows().end(), [&](const CsvRow& row) {
    const std::string& cell = row.cells[index];
    return cell == "0" || cell == "1" || cell == "0.0" || cell == "1.0";
  });
}

std::string split_of_file(const std::string& file) {
  const std::string low = lower_case(file);
  if (low.find("training") != std::string::npos) return "train";
  if (low.find("validation") != std::string::npos) return "val";
  if (low.find("test") != std::string::npos) return "test";
  return "";
}

std::vector<Table> read_tables(const std::filesystem::path& folder, const FieldPack& pack) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (lower_case(entry.path().extension().string()) == ".csv") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Table> tables;
  for (const auto& file : files) {
    Table table{CsvTable::read(file.string()), "", split_of_file(file.filename().string()), {}, false};
    table.id_column = first_column(table.csv, {"isic_id", "image_id", "image", "image_name"});
    if (table.id_column.empty()) continue;
    for (const std::string& column : table.csv.header()) {
      if (column == table.id_column) continue;
      const ClassInfo* info =
          pack.class_of_source_label(column == "seborrheic_keratosis" ? "seborrheic keratosis" : column);
      if (info != nullptr && is_zero_or_one(table.csv, column)) table.one_hot.emplace_back(column, info->id);
    }
    table.challenge_2017 = table.csv.has("melanoma") && table.csv.has("seborrheic_keratosis");
    tables.push_back(std::move(table));
  }
  if (tables.empty()) {
    throw Error(ErrorKind::data,
                {.what = "no ISIC table found",
                 .where = folder.string(),
                 .expected = "a CSV with a column isic_id, image_id, image or image_name",
                 .found = std::to_string(files.size()) + " CSV files without one",
                 .fix = "give the folder that holds the table, or import with kind csv and a column map"});
  }
  return tables;
}

// "" when no class column is set: the challenge of 2017 counts those as nevi, others as not known.
std::string one_hot_label(const Table& table, const CsvRow& row) {
  std::string label;
  for (const auto& [column, id] : table.one_hot) {
    if (table.csv.cell(row, column)[0] != '1') continue;
    if (!label.empty()) {
      throw Error(ErrorKind::data, {.what = "two class columns are set",
                                    .where = table.csv.where(row) + ", column " + column,
                                    .expected = "one class a picture",
                                    .found = label + " and " + id});
    }
    label = id;
  }
  return label.empty() && table.challenge_2017 ? "nevus" : label;
}

std::vector<Merged> merge_tables(const std::vector<Table>& tables) {
  std::vector<Merged> merged;
  std::unordered_map<std::string, size_t> index;
  for (const Table& table : tables) {
    std::unordered_map<std::string, bool> here;
    for (const CsvRow& row : table.csv.rows()) {
      const std::string id = trimmed(table.csv.cell(row, table.id_column));
      const bool repeated = !here.emplace(id, true).second;
      auto at = index.find(id);
      if (at == index.end() || repeated) {
        at = index.insert_or_assign(id, merged.size()).first;
        Merged fresh;
        fresh.cells["isic_id"] = id;
        fresh.where = table.csv.where(row);
        merged.push_back(std::move(fresh));
      }
      Merged& entry = merged[at->second];
      for (size_t i = 0; i < row.cells.size(); ++i) {
        const std::string& column = table.csv.header()[i];
        if (column != table.id_column) entry.cells.emplace(column, row.cells[i]);
      }
      if (entry.split.empty()) entry.split = table.split;
      if (!table.one_hot.empty() && entry.one_hot_label.empty()) entry.one_hot_label = one_hot_label(table, row);
    }
  }
  return merged;
}

// The finest diagnosis that the pack knows; otherwise the first that is given, so that the report can name it.
void label_row(const Merged& entry, const FieldPack& pack, SourceRow& row) {
  for (const char* column : {"diagnosis", "diagnosis_3", "diagnosis_2"}) {
    const auto at = entry.cells.find(column);
    if (at == entry.cells.end() || is_missing(at->second)) continue;
    const std::string before = row.raw_label;
    set_label(pack, row, at->second);
    if (!row.item.label.empty()) return;
    if (!before.empty()) row.raw_label = before;
  }
  if (row.raw_label.empty()) set_label(pack, row, entry.one_hot_label);
}

std::string cell(const Merged& entry, const std::string& column) {
  const auto at = entry.cells.find(column);
  return at == entry.cells.end() || is_missing(at->second) ? std::string() : trimmed(at->second);
}

std::string basis_of(const Merged& entry) {
  const std::string confirmed = lower_case(cell(entry, "diagnosis_confirm_type"));
  if (confirmed.find("histopathology") != std::string::npos) return "histopathology";
  if (confirmed.find("consensus") != std::string::npos) return "consensus";
  if (!confirmed.empty()) return "single";
  return lower_case(cell(entry, "concomitant_biopsy")) == "true" ? "histopathology" : "";
}

// Releases are told by what only they hold; their licence and attribution are those of the release.
void name_release(const Merged& entry, Item& item) {
  item.attribution = cell(entry, "attribution");
  item.licence = spdx_licence(cell(entry, "copyright_license"));
  if (item.attribution.find("Hospital Italiano de Buenos Aires") != std::string::npos) {
    item.source = "hiba";
  } else if (item.lesion.rfind("BCN_", 0) == 0) {
    item.source = "bcn20000";
    if (item.attribution.empty())
      item.attribution = "BCN20000, Department of Dermatology, Hospital Clinic de Barcelona";
    if (item.licence.empty()) item.licence = "CC-BY-NC-4.0";
  } else if (entry.cells.contains("melanoma") && entry.cells.contains("seborrheic_keratosis")) {
    item.source = "isic2017";
    item.version = "2017";
    if (item.licence.empty()) item.licence = "CC0-1.0";
    if (item.attribution.empty()) {
      item.attribution = "International Skin Imaging Collaboration (ISIC) 2017 challenge, arXiv:1710.05006";
    }
  } else {
    item.source = entry.cells.contains("VASC") ? "isic2019" : "isic";
    if (item.source == "isic2019" && item.licence.empty()) item.licence = "CC-BY-NC-4.0";
  }
}

}  // namespace

SourceRows read_isic(const ImportOptions& options, const FieldPack& pack) {
  const std::filesystem::path folder(options.folder);
  const std::vector<Merged> merged = merge_tables(read_tables(folder, pack));
  const PictureIndex pictures(folder);
  SourceRows rows;
  for (const Merged& entry : merged) {
    SourceRow row;
    row.where = entry.where;
    row.item.id = cell(entry, "isic_id");
    row.item.image = cell(entry, "file").empty() ? row.item.id : cell(entry, "file");
    row.image_path = pictures.find(row.item.image);
    row.item.patient = cell(entry, "patient_id");
    row.item.lesion = cell(entry, "lesion_id");
    name_release(entry, row.item);
    label_row(entry, pack, row);
    row.item.label_basis = basis_of(entry);
    const std::string type = lower_case(cell(entry, "image_type"));
    row.item.modality = type.empty() || type.find("dermoscopic") != std::string::npos ? "dermoscopic" : "clinical";
    const std::string official =
        cell(entry, "official_split").empty() ? cell(entry, "split") : cell(entry, "official_split");
    row.item.split = official.empty() ? entry.split : split_name(official, entry.where + ", column official_split");
    for (const auto& [attribute, column] :
         {std::pair{"age", "age_approx"}, std::pair{"sex", "sex"}, std::pair{"site", "anatom_site_general"},
          std::pair{"fitzpatrick", "fitzpatrick_skin_type"}, std::pair{"family_history", "family_hx_mm"},
          std::pair{"personal_history", "personal_hx_mm"}}) {
      set_metadata(rows, pack, row, attribute, cell(entry, column));
    }
    rows.rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace dermis
