#include "data/inspect/shard_stats.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include "core/interrupt.h"
#include "data/image/encode.h"
#include "data/image/fitted.h"
#include "data/shard/shard.h"
#include "data/sources/licence.h"

namespace dermis {
namespace {

constexpr int kExamplesPerLabel = 3;
constexpr int kExampleSide = 112;
constexpr int kExampleQuality = 80;

// Words that carry no topic: the second ring of the wheel shows what a question is about.
const std::set<std::string> kFunctionWords = {
    "a",     "an",     "the",   "of",     "in",     "on",    "to",   "is",   "are",   "was",  "be",
    "this",  "that",   "these", "it",     "its",    "do",    "does", "did",  "can",   "you",  "would",
    "could", "should", "there", "and",    "or",     "for",   "with", "from", "at",    "by",   "me",
    "your",  "any",    "most",  "likely", "please", "have",  "has",  "as",   "which", "what", "how",
    "why",   "where",  "best",  "here",   "seen",   "shown", "if",   "we",   "i",     "they", "their"};

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text + " ") {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || byte >= 0x80 || c == '-') {
      word += static_cast<char>(std::tolower(byte));
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  return words;
}

class Counter {
 public:
  Counter(ShardStats& stats, const Tokenizer* tokenizer) : stats_(stats), tokenizer_(tokenizer) {}

  void add(const ShardReader& reader, size_t column, int64_t index) {
    const ShardSample sample = reader.read_text(index);
    const auto& item = sample.item;
    ++stats_.pictures[column];
    auto& row = stats_.labels[item.label];
    row.resize(stats_.folders.size());
    ++row[column];
    ++stats_.sources[item.source];
    stats_.widths.push_back(item.width);
    stats_.heights.push_back(item.height);
    stats_.picture_bytes += static_cast<int64_t>(reader.image_bytes(index).size());
    add_licence(item);
    add_example(reader, index, item);
    if (!sample.records.empty()) {
      for (const auto& [stratum, value] : sample.records.front().strata) ++stats_.strata[stratum][value][item.label];
    }
    for (const auto& record : sample.records) add_record(record, column);
  }

 private:
  void add_record(const Record& record, size_t column) {
    ++stats_.records[column];
    ++stats_.question_types[record.question_type];
    for (const auto& turn : record.turns) {
      ++stats_.turns[column];
      stats_.question_tokens.push_back(length_of(turn.question));
      stats_.answer_tokens.push_back(length_of(turn.answer));
      if (!turn.options.empty()) ++stats_.closed_answers[record.question_type][turn.answer];
      add_words(turn.question);
    }
  }

  int length_of(const std::string& text) const {
    return static_cast<int>(tokenizer_ != nullptr ? tokenizer_->encode(text).size() : words_of(text).size());
  }

  void add_words(const std::string& question) {
    const auto words = words_of(question);
    if (words.empty()) return;
    std::string topic = "...";
    for (size_t i = 1; i < words.size(); ++i) {
      if (kFunctionWords.contains(words[i])) continue;
      topic = words[i];
      break;
    }
    ++stats_.question_words[words.front()][topic];
  }

  void add_licence(const Item& item) {
    const auto same = [&](const LicenceRow& row) {
      return row.source == item.source && row.version == item.version && row.licence == item.licence &&
             row.attribution == item.attribution;
    };
    auto found = std::find_if(stats_.licences.begin(), stats_.licences.end(), same);
    if (found == stats_.licences.end()) {
      stats_.licences.push_back({item.source, item.version, item.licence, item.attribution, 0});
      found = std::prev(stats_.licences.end());
    }
    ++found->pictures;
  }

  void add_example(const ShardReader& reader, int64_t index, const Item& item) {
    int& taken = examples_[item.label];
    if (taken == kExamplesPerLabel || item.width < 1 || item.height < 1) return;
    ++taken;
    const double scale = static_cast<double>(kExampleSide) / std::min(item.width, item.height);
    const int width = std::max(1, static_cast<int>(item.width * scale));
    const int height = std::max(1, static_cast<int>(item.height * scale));
    const Image small =
        decode_fitted(reader.image_bytes(index), reader.where(index), width, height, ResampleFilter::bicubic);
    stats_.examples.push_back({item.label, item.id, encode_jpeg(small, kExampleQuality)});
  }

  ShardStats& stats_;
  const Tokenizer* tokenizer_;
  std::map<std::string, int> examples_;
};

// "train" alone would not tell two sources apart.
std::string column_name(const std::string& folder) {
  const auto path = (std::filesystem::path(folder) / "").lexically_normal().parent_path();
  const std::string parent = path.parent_path().filename().string();
  return parent.empty() ? path.filename().string() : parent + "/" + path.filename().string();
}

}  // namespace

ShardStats count_shards(const std::vector<std::string>& folders, const Tokenizer* tokenizer) {
  ShardStats stats;
  stats.counted_tokens = tokenizer != nullptr;
  Counter counter(stats, tokenizer);
  std::vector<ShardReader> readers;
  std::vector<std::string> licences;
  for (const auto& folder : folders) {
    readers.emplace_back(folder);
    const auto& manifest = readers.back().manifest();
    stats.folders.push_back(column_name(folder));
    if (stats.field.empty()) stats.field = manifest.field;
    licences.insert(licences.end(), manifest.licences.begin(), manifest.licences.end());
  }
  stats.licence = most_restrictive_licence(licences);
  for (auto* column : {&stats.pictures, &stats.records, &stats.turns}) column->resize(folders.size());
  for (size_t column = 0; column < readers.size(); ++column) {
    for (int64_t i = 0; i < readers[column].size(); ++i) {
      throw_if_interrupted("no page was written");
      counter.add(readers[column], column, i);
    }
  }
  std::stable_sort(stats.examples.begin(), stats.examples.end(),
                   [](const Example& a, const Example& b) { return a.label < b.label; });
  return stats;
}

}  // namespace dermis
