#include "data/shard/build_shards.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#include <map>
#include <span>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/io/atomic_folder.h"
#include "core/io/hash.h"
#include "core/io/jsonl.h"
#include "core/io/read_file.h"
#include "core/log/progress.h"
#include "data/shard/picture_bytes.h"
#include "data/split/split.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;

using RecordsByItem = std::unordered_map<std::string, std::vector<Record>>;

// A record repeats its item's split and group; after a new split the texts are those of the old side: training items
// are asked in several wordings, held-out ones once.
void check_same_side(const Record& record, const Item& item, const std::string& where, const ShardBuild& build) {
  for (const auto& [field, expected, found] :
       {std::tuple{"split", item.split, record.split}, std::tuple{"group", item.group, record.group}}) {
    if (expected == found) continue;
    throw Error(ErrorKind::data, {.what = "a record was made for another split of the items",
                                  .where = where + ", record " + record.id + ", field " + field,
                                  .expected = "'" + expected + "', as item " + item.id + " in " + build.items + " says",
                                  .found = "'" + found + "'",
                                  .fix = "make the records anew from these items: dermis data synth"});
  }
}

RecordsByItem group_records(const ShardBuild& build, const std::vector<Item>& items) {
  std::unordered_map<std::string, const Item*> known;
  for (const auto& item : items) known[item.id] = &item;
  std::unordered_set<std::string> ids;
  RecordsByItem groups;
  for_each_jsonl(build.records, [&](const JsonlLine& line) {
    Record record = record_from_json(line.json, line.where);
    const auto item = known.find(record.item);
    if (item == known.end()) {
      throw Error(ErrorKind::data, {.what = "a record belongs to an item that is not in the items file",
                                    .where = line.where + ", field item",
                                    .found = record.item,
                                    .fix = "name the items file that the records were made from"});
    }
    if (record.sha256 != item->second->sha256) {
      throw Error(ErrorKind::data, {.what = "a record was made for another picture of the same item id",
                                    .where = line.where + ", field sha256",
                                    .expected = item->second->sha256,
                                    .found = record.sha256,
                                    .fix = "make the records anew: dermis data synth"});
    }
    check_same_side(record, *item->second, line.where, build);
    if (!ids.insert(record.id).second) {
      throw Error(ErrorKind::data, {.what = "duplicate record id", .where = line.where, .found = record.id});
    }
    groups[record.item].push_back(std::move(record));
  });
  return groups;
}

// Items beside a split.json are those of that split, unedited.
void check_frozen_split(const std::string& items_file, const std::vector<Item>& items) {
  const std::string manifest = (fs::path(items_file).parent_path() / "split.json").string();
  if (fs::exists(manifest)) verify_split(manifest, items);
}

std::string picture_path(const Item& item, const std::string& items_file) {
  const fs::path path(item.image);
  return path.is_absolute() ? item.image : (fs::path(items_file).parent_path() / path).string();
}

ShardSample make_sample(const Item& item, std::vector<Record> records, const ShardBuild& build,
                        std::atomic<int64_t>& shrunk) {
  const std::string path = picture_path(item, build.items);
  const auto file = read_bytes(path);
  const std::string digest = sha256_hex(std::as_bytes(std::span(file)));
  if (digest != item.sha256) {
    throw Error(ErrorKind::data, {.what = "a picture has changed since it was imported",
                                  .where = path + ", item " + item.id,
                                  .expected = "SHA-256 " + item.sha256,
                                  .found = digest,
                                  .fix = "import the source again"});
  }
  auto picture = picture_for_shard(file, path + ", item " + item.id, item.width, item.height, build.max_side);
  ShardSample sample;
  sample.item = item;
  sample.item.image = item.id + "." + picture.extension;
  if (picture.width != item.width || picture.height != item.height) ++shrunk;
  sample.item.width = picture.width;
  sample.item.height = picture.height;
  sample.records = std::move(records);
  sample.extension = std::move(picture.extension);
  sample.image = std::move(picture.bytes);
  return sample;
}

// Which folder an item goes to, "" for none; folders are named relative to the output folder, "." for itself.
std::string folder_of(const Item& item, const ShardBuild& build) {
  if (build.split == "any") return ".";
  if (build.split != "all") return item.split == build.split ? "." : "";
  if (!item.split.empty()) return item.split;
  throw Error(ErrorKind::data, {.what = "an item has no split",
                                .where = build.items + ", item " + item.id,
                                .expected = "train, val or test",
                                .fix = "run dermis data split first, or say --split any"});
}

struct Place {
  const Item* item;
  std::string folder;
};

constexpr size_t kBlock = 64;  // pictures in memory at a time

// One sample a place, made by several threads. The error of the first sample that fails is thrown.
std::vector<ShardSample> make_samples(std::span<const Place> places, const RecordsByItem& records,
                                      const ShardBuild& build, std::atomic<int64_t>& shrunk) {
  std::vector<ShardSample> samples(places.size());
  std::vector<std::exception_ptr> failures(places.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < places.size(); i = next++) {
      try {
        const Item& item = *places[i].item;
        samples[i] = make_sample(item, records.at(item.id), build, shrunk);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 1; i < build.threads; ++i) threads.emplace_back(work);
  work();
  threads.clear();
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  return samples;
}

void check_build(const ShardBuild& build) {
  for (const char* known : {"train", "val", "test", "all", "any"}) {
    if (build.split == known) return;
  }
  throw Error(
      ErrorKind::usage,
      {.what = "unknown split", .where = "--split", .expected = "train, val, test, all or any", .found = build.split});
}

// Writers in one temporary folder, which takes its name when all of them are done.
class FolderSet {
 public:
  FolderSet(const ShardBuild& build) : build_(build) {
    make_folder(parent_folder(build.out));
    target_ = std::make_unique<AtomicFolder>(build.out, build.replace ? IfExists::replace : IfExists::fail);
  }
  void add(const std::string& folder, const ShardSample& sample) {
    auto& writer = writers_[folder];
    // A folder cannot be renamed onto its parent: a lone side is written beside and moved up at the end.
    const std::string name = folder == "." ? kLone : folder;
    if (!writer) writer = std::make_unique<ShardWriter>(*target_ / name, build_.max_bytes_per_tar);
    writer->add(sample);
  }
  std::vector<std::pair<std::string, ShardManifest>> finish() {
    std::vector<std::pair<std::string, ShardManifest>> written;
    for (auto& [folder, writer] : writers_) {
      ShardManifest facts;
      facts.split = folder != "." ? folder : build_.split == "any" ? "" : build_.split;
      facts.field = build_.field;
      facts.field_digest = build_.field_digest;
      facts.max_side = build_.max_side;
      facts = writer->finish(facts);
      written.emplace_back(folder == "." ? build_.out : build_.out + "/" + folder, facts);
    }
    if (writers_.contains(".")) {
      for (const auto& entry : fs::directory_iterator(*target_ / kLone)) {
        fs::rename(entry.path(), fs::path(target_->temporary_path()) / entry.path().filename());
      }
      fs::remove(*target_ / kLone);
    }
    target_->commit();
    return written;
  }

 private:
  static constexpr const char* kLone = "lone";
  const ShardBuild& build_;
  std::unique_ptr<AtomicFolder> target_;
  std::map<std::string, std::unique_ptr<ShardWriter>> writers_;
};

}  // namespace

ShardBuildReport build_shards(const ShardBuild& build) {
  check_build(build);
  const auto items = read_items(build.items);
  check_frozen_split(build.items, items);
  const auto records = group_records(build, items);
  ShardBuildReport report;
  std::atomic<int64_t> shrunk{0};
  report.items = static_cast<int64_t>(items.size());
  std::vector<Place> places;
  for (const auto& item : items) {
    const bool has_records = records.contains(item.id);
    const std::string folder = has_records ? folder_of(item, build) : "";
    if (!has_records) ++report.items_without_records;
    if (has_records && folder.empty()) ++report.items_of_other_splits;
    if (!folder.empty()) places.push_back({&item, folder});
  }
  FolderSet folders(build);
  Progress progress("shard", static_cast<int64_t>(places.size()));
  for (size_t start = 0; start < places.size(); start += kBlock) {
    throw_if_interrupted("nothing was written");
    const auto block = std::span(places).subspan(start, std::min(kBlock, places.size() - start));
    const auto samples = make_samples(block, records, build, shrunk);
    for (size_t i = 0; i < block.size(); ++i) folders.add(block[i].folder, samples[i]);
    progress.update(static_cast<int64_t>(start + block.size()));
  }
  progress.finish(static_cast<int64_t>(places.size()));
  if (places.empty()) {
    throw Error(ErrorKind::data, {.what = "there is nothing to write",
                                  .where = build.records,
                                  .expected = "records of items of split " + build.split,
                                  .found = std::to_string(report.items_without_records) + " items without records, " +
                                           std::to_string(report.items_of_other_splits) + " of other splits"});
  }
  report.shrunk = shrunk;
  report.written = folders.finish();
  return report;
}

std::vector<Record> read_records(const std::string& path) {
  std::vector<Record> records;
  for_each_jsonl(path, [&](const JsonlLine& line) { records.push_back(record_from_json(line.json, line.where)); });
  return records;
}

}  // namespace dermis
