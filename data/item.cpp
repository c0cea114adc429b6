#include "data/item.h"

#include <unordered_map>

#include "core/error.h"
#include "core/io/jsonl.h"
#include "data/fields/field_pack.h"
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
  for (const auto& [name, value] : item.metadata) {
    if (!is_missing(value)) continue;
    throw Error(ErrorKind::data, {.what = "a missing value stands as text",
                                  .where = where + ", field metadata." + name,
                                  .expected = "no entry at all",
                                  .found = "'" + value + "'"});
  }
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
  std::vector<Item> items;
  std::unordered_map<std::string, int64_t> first_line;
  for_each_jsonl(path, [&](const JsonlLine& line) {
    items.push_back(item_from_json(line.json, line.where));
    const auto [at, fresh] = first_line.emplace(items.back().id, line.number);
    if (fresh) return;
    throw Error(ErrorKind::data, {.what = "duplicate item id",
                                  .where = line.where + ", field id",
                                  .expected = "each id once",
                                  .found = items.back().id + ", first on line " + std::to_string(at->second)});
  });
  if (items.empty()) {
    throw Error(ErrorKind::data, {.what = "items file holds no items",
                                  .where = path,
                                  .fix = "'dermis data import' or 'dermis data generate' writes one"});
  }
  return items;
}

void write_items(const std::string& path, const std::vector<Item>& items) {
  std::vector<Json> lines;
  lines.reserve(items.size());
  for (const Item& item : items) lines.push_back(to_json(item));
  write_jsonl(path, lines);
}

}  // namespace dermis
