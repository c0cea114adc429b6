// From a source on disk to Items: rows of its tables, then every picture's bytes, with a report whose counts add up.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "data/fields/field_pack.h"
#include "data/item.h"
#include "data/split/look_alikes.h"

namespace dermis {

struct ImportOptions {
  std::string kind = {};  // isic | pad_ufes_20 | folder | csv
  std::string folder = {};
  std::string map_file = {};  // csv: TOML column map
  std::string source = {}, licence = {}, attribution = {},
              modality = {};  // override or fill what the source does not say
  int64_t limit = 0;          // pictures to keep at most; 0: all
  int threads = 2;
  int near_bits = kCandidateBits;  // pairs of pictures within so many phash bits are compared by pixels
};

struct ImportReport {
  std::string kind, folder, field, field_digest;
  int64_t read = 0, kept = 0;
  // Reasons in a fixed order, each with its count: read = kept + their sum.
  std::vector<std::pair<std::string, int64_t>> excluded;
  std::vector<std::string> absent;         // names of pictures that are not there
  std::vector<std::string> others;         // kind folder: files that are no picture that is read, with why
  std::vector<std::string> without_id;     // file and line
  std::vector<std::string> without_class;  // "file:line: label" of labels that no class knows
  std::vector<std::string> duplicate_ids;
  std::vector<std::pair<std::string, std::string>> unreadable;  // path, reason
  std::vector<std::vector<std::string>> duplicate_bytes;        // item ids with equal bytes; kept, split groups them
  std::vector<std::string> duplicate_conflicts;                 // of these, with different labels or official splits
  std::vector<std::pair<std::string, std::string>> near_duplicates;  // item ids; equal bytes not repeated
  std::map<std::string, int64_t> unknown_labels, unknown_values, labels, splits, licences;
  std::string most_restrictive;  // licence of the whole
  double seconds = 0;
};

struct ImportResult {
  std::vector<Item> items;
  ImportReport report;
};

// Error(usage) for an unknown kind; Error(data) when nothing remains, a table is malformed, or the counts do not add
// up.
ImportResult import_source(const ImportOptions& options, const FieldPack& pack);

nlohmann::ordered_json to_json(const ImportReport& report);
std::string report_text(const ImportReport& report);

}  // namespace dermis
