#include "data/item.h"

#include <filesystem>
#include <fstream>
#include <unordered_map>

#include "core/error.h"
#include "data/json_fields.h"

namespace dermis {

Json to_json(const Item& item) {
  Json metadata = Json::object();
  for (const auto& [name, value] : item.metadata) metadata[name] = value;
  return {{"id", item.id},
          {"image", item.image},
          {"sha256", item.sha256},
          {"phash", item.phash},
          {"width", item.width},
          {"height", item.height},
          {"patient", item.patient},
          {"lesion", item.lesion},
          {"group", item.group},
          {"split", item.split},
          {"source", item.source},
          {"version", item.version},
          {"licence", item.licence},
          {"attribution", item.attribution},
          {"modality", item.modality},
          {"label", item.label},
          {"label_basis", item.label_basis},
          {"differential", weights_to_json(item.differential)},
          {"metadata", metadata}};
}

Item item_from_json(const Json& json, const std::string& where) {
  JsonFields fields(json, where);
  Item item;
  item.id = fields.text("id");
  item.image = fields.text("image");
  item.sha256 = fields.text("sha256");
  item.phash = fields.text_or_empty("phash");
  item.width = fields.integer("width");
  item.height = fields.integer("height");
  item.patient = fields.text_or_empty("patient");
  item.lesion = fields.text_or_empty("lesion");
  item.group = fields.text_or_empty("group");
  item.split = fields.text_or_empty("split");
  item.source = fields.text("source");
  item.version = fields.text_or_empty("version");
  item.licence = fields.text("licence");
  item.attribution = fields.text_or_empty("attribution");
  item.modality = fields.text_or_empty("modality");
  item.label = fields.text("label");
  item.label_basis = fields.text_or_empty("label_basis");
  item.differential = fields.weights("differential");
  item.metadata = fields.text_map("metadata");
  fields.no_others();
  for (const auto& [key, value] : {std::pair{"id", item.id}, std::pair{"image", item.image}}) {
    if (value.empty()) {
      throw Error(ErrorKind::data, {.what = std::string("field '") + key + "' is empty", .where = where});
    }
  }
  if (!item.split.empty() && item.split != "train" && item.split != "val" && item.split != "test") {
    throw Error(ErrorKind::data, {.what = "unknown split",
                                  .where = where + ", field split",
                                  .expected = "train, val, test or empty",
                                  .found = item.split});
  }
  return item;
}

std::vector<Item> read_items(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream || std::filesystem::is_directory(path)) {
    throw Error(ErrorKind::data, {.what = "items file cannot be read",
                                  .where = path,
                                  .expected = "a JSONL file of items",
                                  .fix = "'dermis data import' or 'dermis data generate' writes one"});
  }
  std::vector<Item> items;
  std::unordered_map<std::string, size_t> first_line;
  std::string line;
  for (size_t number = 1; std::getline(stream, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    const std::string where = path + ", line " + std::to_string(number);
    items.push_back(item_from_json(parse_json(line, where), where));
    const auto [at, fresh] = first_line.emplace(items.back().id, number);
    if (!fresh) {
      throw Error(ErrorKind::data, {.what = "duplicate item id",
                                    .where = where + ", field id",
                                    .expected = "each id once",
                                    .found = items.back().id + ", first on line " + std::to_string(at->second)});
    }
  }
  if (items.empty()) {
    throw Error(ErrorKind::data, {.what = "items file holds no items", .where = path});
  }
  return items;
}

void write_items(const std::string& path, const std::vector<Item>& items) {
  std::string text;
  for (const Item& item : items) text += json_text(to_json(item), "item " + item.id) + "\n";
  const std::filesystem::path target(path);
  const std::filesystem::path temporary(path + ".partial");
  std::error_code problem;
  if (target.has_parent_path()) std::filesystem::create_directories(target.parent_path(), problem);
  std::ofstream stream(temporary, std::ios::binary | std::ios::trunc);
  stream << text;
  stream.close();
  if (stream) std::filesystem::rename(temporary, target, problem);
  if (!stream || problem) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw Error(ErrorKind::data, {.what = "items file cannot be written",
                                  .where = path,
                                  .fix = "check free space and that the folder is writable"});
  }
}

}  // namespace dermis
