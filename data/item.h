// One image of a source, before any text exists for it. Importers make Items, split assigns them, synth reads them.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace dermis {

struct Item {
  std::string id;      // unique within a data set: source id, e.g. "ISIC_0000000"
  std::string image;   // path, relative to the folder of the items file it stands in, or absolute
  std::string sha256;  // of the original bytes, lower-case hex
  std::string phash;   // 64-bit DCT perceptual hash of upright grey pixels, 16 hex digits
  int width = 0;       // upright
  int height = 0;
  std::string patient;  // empty when the source names none
  std::string lesion;
  std::string group;   // leakage group; set by split, "" before
  std::string split;   // train | val | test; the official one after import where the source has one, "" otherwise
  std::string source;  // "isic2017", "pad_ufes_20", "practice", ...
  std::string version;
  std::string licence;  // SPDX id where one exists
  std::string attribution;
  std::string modality;                                      // dermoscopic | clinical | ...
  std::string label;                                         // class id of the field pack's taxonomy; "" when unknown
  std::string label_basis;                                   // histopathology | consensus | single | generated | ""
  std::vector<std::pair<std::string, double>> differential;  // label id, weight; weights sum to 1; may be empty
  // Field-pack attribute -> value ("age": "55", "sex": "female", "site": "anterior torso", "border": "irregular").
  // Missing is absent: "NaN", "" and "UNK" never stand here.
  std::map<std::string, std::string> metadata;
};

nlohmann::ordered_json to_json(const Item& item);
// `where` (file and line) is named in the Error(data) of a missing or mistyped field.
Item item_from_json(const nlohmann::ordered_json& json, const std::string& where);

// Items files are JSONL. Reading resolves nothing; `image_path` joins the folder of the items file.
std::vector<Item> read_items(const std::string& path);
void write_items(const std::string& path, const std::vector<Item>& items);

}  // namespace dermis
