#include "data/sources/import.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "core/nearest_name.h"
#include "data/sources/licence.h"
#include "data/sources/picture_facts.h"
#include "data/sources/readers.h"
#include "data/split/look_alikes.h"

namespace dermis {
namespace {

enum Reason { no_id, duplicate_id, no_picture, unknown_label, over_limit, unreadable, other_file, reason_count };
constexpr const char* kReasons[] = {"no id",          "duplicate id",       "picture absent", "unknown label",
                                    "beyond --limit", "picture unreadable", "other file"};

SourceRows read_rows(const ImportOptions& options, const FieldPack& pack) {
  if (options.kind != "csv" || !options.map_file.empty()) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(options.folder, ignored)) {
      throw Error(ErrorKind::data, {.what = "source folder cannot be read",
                                    .where = options.folder,
                                    .expected = "an existing folder",
                                    .fix = "give the folder that holds the tables and pictures"});
    }
  }
  if (options.kind == "isic") return read_isic(options, pack);
  if (options.kind == "pad_ufes_20") return read_pad_ufes_20(options, pack);
  if (options.kind == "folder") return read_class_folders(options, pack);
  if (options.kind == "csv") return read_mapped_csv(options, pack);
  const std::string near = nearest_name(options.kind, {"isic", "pad_ufes_20", "folder", "csv"});
  throw Error(ErrorKind::usage, {.what = "unknown kind of source '" + options.kind + "'",
                                 .where = "dermis data import",
                                 .expected = "isic, pad_ufes_20, folder or csv",
                                 .fix = near.empty() ? "" : "did you mean '" + near + "'?"});
}

SourceRows rows_of(const ImportOptions& options, const FieldPack& pack) {
  try {
    return read_rows(options, pack);
  } catch (const std::filesystem::filesystem_error& error) {
    throw Error(ErrorKind::data, {.what = "folder cannot be read",
                                  .where = error.path1().string(),
                                  .found = error.code().message(),
                                  .fix = "check that you may read it and everything below it"});
  }
}

// Rows that can be opened; every other row is counted under its first reason.
std::vector<size_t> select_rows(const std::vector<SourceRow>& rows, int64_t limit, ImportReport& report,
                                std::vector<int64_t>& counts) {
  std::vector<size_t> selected;
  std::set<std::string> ids;
  for (size_t i = 0; i < rows.size(); ++i) {
    const SourceRow& row = rows[i];
    if (row.item.id.empty()) {
      ++counts[no_id];
      report.without_id.push_back(row.where);
    } else if (!ids.insert(row.item.id).second) {
      ++counts[duplicate_id];
      report.duplicate_ids.push_back(row.item.id + " (" + row.where + ")");
    } else if (row.image_path.empty()) {
      ++counts[no_picture];
      report.absent.push_back(row.item.image.empty() ? row.item.id : row.item.image);
    } else if (row.item.label.empty() && !row.raw_label.empty()) {
      ++counts[unknown_label];
      ++report.unknown_labels[row.raw_label];
      report.without_class.push_back(row.where + ": " + row.raw_label);
    } else if (limit > 0 && static_cast<int64_t>(selected.size()) >= limit) {
      ++counts[over_limit];
    } else {
      selected.push_back(i);
    }
  }
  return selected;
}

void finish_item(const ImportOptions& options, const SourceRow& row, Item& item) {
  item.image = std::filesystem::absolute(row.image_path).lexically_normal().string();
  if (!options.source.empty()) item.source = options.source;
  if (item.licence.empty()) item.licence = spdx_licence(options.licence);
  if (item.attribution.empty()) item.attribution = options.attribution;
  if (item.modality.empty()) item.modality = options.modality;
}

void report_duplicates(const std::vector<Item>& items, int near_bits, ImportReport& report) {
  std::map<std::string, std::vector<size_t>> by_bytes;
  for (size_t i = 0; i < items.size(); ++i) {
    by_bytes[items[i].sha256].push_back(i);
  }
  for (const auto& [sha256, same] : by_bytes) {
    if (same.size() < 2) continue;
    std::vector<std::string> ids;
    std::set<std::string> labels, splits;
    for (const size_t i : same) {
      ids.push_back(items[i].id);
      labels.insert(items[i].label);
      splits.insert(items[i].split);
    }
    std::string conflict;
    if (labels.size() > 1) conflict += " different labels";
    if (splits.size() > 1) conflict += std::string(conflict.empty() ? "" : ",") + " different splits";
    std::string names;
    for (const std::string& id : ids) names += (names.empty() ? "" : " = ") + id;
    if (!conflict.empty()) report.duplicate_conflicts.push_back(names + ":" + conflict);
    report.duplicate_bytes.push_back(std::move(ids));
  }
  std::sort(report.duplicate_bytes.begin(), report.duplicate_bytes.end());
  std::sort(report.duplicate_conflicts.begin(), report.duplicate_conflicts.end());
  for (const auto& [i, j] : find_look_alikes(items, "", near_bits).links) {
    if (items[i].sha256 != items[j].sha256) report.near_duplicates.emplace_back(items[i].id, items[j].id);
  }
}

void count_kept(const std::vector<Item>& items, ImportReport& report) {
  std::vector<std::string> licences;
  for (const Item& item : items) {
    ++report.labels[item.label];
    ++report.splits[item.split];
    ++report.licences[item.licence];
    licences.push_back(item.licence);
  }
  report.most_restrictive = most_restrictive_licence(licences);
}

void reconcile(const ImportReport& report) {
  int64_t sum = report.kept;
  for (const auto& [reason, count] : report.excluded) sum += count;
  if (sum != report.read) {
    throw Error(ErrorKind::internal, {.what = "import counts do not add up",
                                      .where = report.folder,
                                      .expected = std::to_string(report.read) + " rows read",
                                      .found = std::to_string(sum) + " rows kept or excluded"});
  }
  if (report.kept == 0) {
    std::string reasons;
    for (const auto& [reason, count] : report.excluded) {
      if (count > 0) reasons += (reasons.empty() ? "" : ", ") + std::to_string(count) + " " + reason;
    }
    throw Error(ErrorKind::data, {.what = "no picture can be used",
                                  .where = report.folder,
                                  .expected = "one picture or more",
                                  .found = reasons,
                                  .fix = report.unknown_labels.empty()
                                             ? "check the folder and the kind of source"
                                             : "label '" + report.unknown_labels.begin()->first +
                                                   "' is in no class: add it as a synonym in taxonomy.toml and pass "
                                                   "--field FOLDER"});
  }
}

}  // namespace

ImportResult import_source(const ImportOptions& options, const FieldPack& pack) {
  const auto start = std::chrono::steady_clock::now();
  SourceRows source = rows_of(options, pack);
  ImportResult result;
  ImportReport& report = result.report;
  report.kind = options.kind;
  report.folder = options.folder;
  report.field = pack.name;
  report.field_digest = pack.digest;
  report.others = source.others;
  report.read = static_cast<int64_t>(source.rows.size() + source.others.size());
  report.unknown_values = source.unknown_values;
  std::vector<int64_t> counts(reason_count);
  counts[other_file] = static_cast<int64_t>(source.others.size());
  const std::vector<size_t> selected = select_rows(source.rows, options.limit, report, counts);
  const std::vector<std::string> problems = read_picture_facts(source.rows, selected, options.threads);
  for (size_t i = 0; i < selected.size(); ++i) {
    SourceRow& row = source.rows[selected[i]];
    if (!problems[i].empty()) {
      ++counts[unreadable];
      report.unreadable.emplace_back(row.image_path, problems[i]);
      continue;
    }
    finish_item(options, row, row.item);
    result.items.push_back(std::move(row.item));
  }
  report.kept = static_cast<int64_t>(result.items.size());
  for (int reason = 0; reason < reason_count; ++reason) report.excluded.emplace_back(kReasons[reason], counts[reason]);
  reconcile(report);
  report_duplicates(result.items, options.near_bits, report);
  count_kept(result.items, report);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace dermis
