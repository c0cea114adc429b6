#include "data/shard/seen_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iterator>

#include "core/error.h"
#include "core/io/jsonl.h"
#include "core/io/read_file.h"
#include "core/random.h"
#include "data/image/phash.h"
#include "data/json_fields.h"

namespace dermis {
namespace {

constexpr size_t kDigits = 16;  // of a word

// 0 where the text holds no such digits: a hash that somebody wrote otherwise is not known.
uint64_t word_of(std::string_view text, size_t digit) {
  uint64_t word = 0;
  if (text.size() < digit + kDigits) return 0;
  const char* begin = text.data() + digit;
  const auto [end, error] = std::from_chars(begin, begin + kDigits, word, 16);
  return error == std::errc() && end == begin + kDigits ? word : 0;
}

std::string text_of(uint64_t word) { return word == 0 ? "-" : fmt::format("{:016x}", word); }

std::string text_of(const PictureTraces& p) {
  const std::string bytes = p.has_bytes() ? fmt::format("{:016x}{:016x}", p.sha256[0], p.sha256[1]) : "-";
  return fmt::format("{} {} {} {}", bytes, text_of(p.phash), text_of(p.patient), text_of(p.lesion));
}

PictureTraces traces_from(const std::string& text, const std::string& where) {
  std::vector<std::string_view> words;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    words.push_back(std::string_view(text).substr(at, end - at));
    at = end + 1;
  }
  const auto fits = [](std::string_view word, size_t digits) {
    return word == "-" || (word.size() == digits && word.find_first_not_of("0123456789abcdef") == std::string::npos);
  };
  if (words.size() != 4 || !fits(words[0], 2 * kDigits) ||
      !std::all_of(words.begin() + 1, words.end(), [&](std::string_view word) { return fits(word, kDigits); })) {
    throw Error(ErrorKind::data, {.what = "the training manifest has a line that is not a picture's",
                                  .where = where + ", field pictures",
                                  .expected = "hashes of bytes, looks, patient and lesion, \"-\" for none",
                                  .found = text,
                                  .fix = "take the model folder as 'dermis train' wrote it"});
  }
  return {.sha256 = {word_of(words[0], 0), word_of(words[0], kDigits)},
          .phash = word_of(words[1], 0),
          .patient = word_of(words[2], 0),
          .lesion = word_of(words[3], 0)};
}

// Sorts and drops what came twice: pictures of the same training may be had from several folders.
void tidy(std::vector<PictureTraces>& pictures) {
  std::sort(pictures.begin(), pictures.end());
  pictures.erase(std::unique(pictures.begin(), pictures.end()), pictures.end());
}

template <typename T>
void add_new(std::vector<T>& list, const T& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

}  // namespace

PictureTraces traces_of(const Item& item) {
  PictureTraces traces;
  traces.sha256 = {word_of(item.sha256, 0), word_of(item.sha256, kDigits)};
  if (!item.phash.empty() && item.label_basis != "generated") traces.phash = phash_value(item.phash);
  if (!item.patient.empty()) traces.patient = stable_hash(item.source + "\n" + item.patient);
  if (!item.lesion.empty()) traces.lesion = stable_hash(item.source + "\n" + item.patient + "\n" + item.lesion);
  return traces;
}

std::string count_of_pictures(int64_t count) { return fmt::format("{} picture{}", count, count == 1 ? "" : "s"); }

void MissingTraces::count(const Item& item) {
  const bool rendered = item.label_basis == "generated";
  hashes += item.sha256.empty() || (item.phash.empty() && !rendered) ? 1 : 0;
  groups += item.group.empty() ? 1 : 0;
}

std::vector<std::string> MissingTraces::gaps(const std::string& folder) const {
  std::vector<std::string> words;
  if (hashes > 0) words.push_back(count_of_pictures(hashes) + " of " + folder + " without a hash of bytes or looks");
  if (groups > 0)
    words.push_back(count_of_pictures(groups) + " of " + folder + " without a leakage group (never split)");
  return words;
}

void SeenPictures::add(const ShardReader& reader) {
  const Folder folder{reader.folder(), reader.manifest().fingerprint};
  add_new(shards, folder);
  MissingTraces missing;
  for (int64_t i = 0; i < reader.size(); ++i) {
    const Item item = reader.read_item(i);
    pictures.push_back(traces_of(item));
    missing.count(item);
    if (!item.group.empty()) groups.insert(item.group);
  }
  tidy(pictures);
  for (const std::string& gap : missing.gaps(folder.folder)) add_new(gaps, gap);
}

void SeenPictures::add(const SeenPictures& other) {
  pictures.insert(pictures.end(), other.pictures.begin(), other.pictures.end());
  tidy(pictures);
  groups.insert(other.groups.begin(), other.groups.end());
  for (const Folder& folder : other.shards) add_new(shards, folder);
  stages.insert(stages.end(), other.stages.begin(), other.stages.end());
  for (const std::string& gap : other.gaps) add_new(gaps, gap);
}

nlohmann::ordered_json to_json(const SeenPictures& seen) {
  auto shards = nlohmann::ordered_json::array();
  for (const auto& one : seen.shards) shards.push_back({{"folder", one.folder}, {"fingerprint", one.fingerprint}});
  auto pictures = nlohmann::ordered_json::array();
  for (const PictureTraces& picture : seen.pictures) pictures.push_back(text_of(picture));
  return {{"stages", seen.stages},
          {"shards", shards},
          {"gaps", seen.gaps},
          {"groups", seen.groups},
          {"pictures", pictures}};  // sha256 (half), phash, patient, lesion
}

SeenPictures seen_pictures_from_json(const nlohmann::ordered_json& json, const std::string& where) {
  JsonFields fields(json, where);
  if (!json.contains("groups")) {
    throw Error(ErrorKind::data, {.what = "the training manifest does not list leakage groups",
                                  .where = where + ", field groups",
                                  .expected = "an array of group names",
                                  .fix = "take the model folder as 'dermis train' wrote it"});
  }
  SeenPictures seen;
  for (const std::string& group : fields.text_list("groups")) seen.groups.insert(group);
  for (const auto& entry : fields.list_or_empty("shards")) {
    JsonFields shard(entry, where + ", field shards");
    seen.shards.push_back({shard.text("folder"), shard.text("fingerprint")});
  }
  seen.stages = fields.text_list("stages");
  seen.gaps = fields.text_list("gaps");
  for (const std::string& text : fields.text_list("pictures")) seen.pictures.push_back(traces_from(text, where));
  tidy(seen.pictures);
  if (!json.contains("pictures")) {
    add_new(seen.gaps, where + " is of an earlier version and lists leakage groups alone, no pictures");
  }
  return seen;
}

SeenPictures read_train_manifest(const std::string& model_folder) {
  const std::string path = (std::filesystem::path(model_folder) / "train_manifest.json").string();
  if (std::filesystem::exists(path)) return seen_pictures_from_json(parse_json(read_file(path), path), path);
  SeenPictures unknown;
  unknown.gaps.push_back("what " + model_folder + " was trained on is not known: it has no train_manifest.json");
  return unknown;
}

}  // namespace dermis
