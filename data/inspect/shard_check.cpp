#include "data/inspect/shard_check.h"

#include <fmt/format.h>
#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <regex>
#include <set>
#include <thread>
#include <tuple>

#include "core/error.h"
#include "core/interrupt.h"
#include "data/batch/sequence.h"
#include "data/checks/checks.h"
#include "data/image/image.h"
#include "data/shard/shard.h"
#include "data/text/hf_files.h"

namespace dermis {
namespace {

struct SampleResult {
  std::vector<Finding> findings;
  std::vector<std::string> record_ids;
  int64_t turns = 0, longest = 0;
  std::string longest_record;
};

std::string one_line(const Error& error) {
  std::string text = error.info().what;
  if (!error.info().expected.empty()) text += ": expected " + error.info().expected;
  if (!error.info().found.empty()) text += ", found " + error.info().found;
  return text;
}

bool is_blank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

class SampleCheck {
 public:
  SampleCheck(const ShardReader& reader, int64_t index, const ShardCheckOptions& options)
      : reader_(reader), index_(index), options_(options) {}

  SampleResult run() {
    ShardSample sample;
    try {
      sample = reader_.read(index_);
    } catch (const Error& error) {
      add("damaged", error.info().where, one_line(error));
      return std::move(result_);
    }
    check_picture(sample);
    const std::string& side = reader_.manifest().split;
    if (!side.empty() && sample.item.split != side) {
      add("split", reader_.where(index_), fmt::format("belongs to '{}', the folder to '{}'", sample.item.split, side));
    }
    if (sample.records.empty()) add("no records", reader_.where(index_), "a picture without questions never trains");
    for (const auto& record : sample.records) check_record(sample, record);
    return std::move(result_);
  }

 private:
  void add(const std::string& kind, const std::string& where, const std::string& what) {
    result_.findings.push_back({kind, where, what});
  }

  void check_picture(const ShardSample& sample) {
    const std::string where = reader_.where(index_);
    try {
      const Image image = decode_image(sample.image, where);
      if (image.width != sample.item.width || image.height != sample.item.height) {
        add("picture", where,
            fmt::format("is {} x {}, its item says {} x {}", image.width, image.height, sample.item.width,
                        sample.item.height));
      }
    } catch (const Error& error) {
      add("picture", where, one_line(error));
    }
  }

  void check_record(const ShardSample& sample, const Record& record) {
    const std::string where = reader_.where(index_) + ", record " + record.id;
    result_.record_ids.push_back(record.id);
    result_.turns += static_cast<int64_t>(record.turns.size());
    if (record.item != sample.item.id) add("schema", where, "belongs to item " + record.item);
    if (record.label != sample.item.label) {
      add("label", where, fmt::format("says '{}', its item '{}'", record.label, sample.item.label));
    }
    check_side(sample, record, where);
    if (!(record.weight > 0) || !std::isfinite(record.weight)) {
      add("weight", where, fmt::format("training weight {}", record.weight));
    }
    for (const auto& turn : record.turns) check_turn(turn, where);
    if (options_.pack != nullptr && reader_.manifest().field == options_.pack->name) {
      const std::string reason = attribute_contradiction(record, sample.item.metadata, *options_.pack);
      if (!reason.empty()) add("contradiction", where, reason);
    }
    if (options_.tokenizer != nullptr) check_length(record, where);
  }

  void check_side(const ShardSample& sample, const Record& record, const std::string& where) {
    for (const auto& [name, of_record, of_item] :
         {std::tuple{"split", record.split, sample.item.split}, std::tuple{"group", record.group, sample.item.group}}) {
      if (of_record == of_item) continue;
      add("split", where,
          fmt::format("was made for {} '{}', its item is in '{}': run data synth and data shard again", name, of_record,
                      of_item));
    }
  }

  void check_turn(const Turn& turn, const std::string& where) {
    static const std::regex kPlaceholder("\\{[a-z_]+\\}");
    if (is_blank(turn.question)) add("empty question", where, "nothing is asked");
    if (is_blank(turn.answer)) add("empty answer", where, "nothing is learned");
    for (const auto* text : {&turn.question, &turn.answer}) {
      std::smatch match;
      if (std::regex_search(*text, match, kPlaceholder)) add("placeholder", where, "left over: " + match.str());
      if (text->find(kImageWord) != std::string::npos) {
        add("placeholder", where, "the text holds <image>; the picture is put in front by itself");
      }
    }
    const auto& options = turn.options;
    if (!options.empty() && std::find(options.begin(), options.end(), turn.answer) == options.end()) {
      add("options", where, "the answer '" + turn.answer + "' is not among its options");
    }
  }

  void check_length(const Record& record, const std::string& where) {
    const Tokenizer& tokenizer = *options_.tokenizer;
    PromptFormat prompt;
    prompt.tokens_per_image = options_.tokens_per_image;
    const auto sequence = encode_sequence({record.id, record.turns, record.weight, 0}, tokenizer);
    const auto separator = static_cast<int64_t>(tokenizer.encode(prompt.separator).size());
    const int64_t length = sequence_length(sequence, prompt, separator, false);
    if (length > result_.longest) {
      result_.longest = length;
      result_.longest_record = record.id;
    }
    if (length > options_.max_tokens) {
      add("too long", where, fmt::format("{} tokens, the model takes {}", length, options_.max_tokens));
    }
    const int32_t unknown = tokenizer.id_of("<unk>");
    for (const auto& turn : sequence.turns) {
      if (std::count(turn.question.begin(), turn.question.end(), unknown) +
              std::count(turn.answer.begin(), turn.answer.end(), unknown) >
          0) {
        add("unknown characters", where, "the tokenizer has no piece for a character of the text");
      }
    }
  }

  const ShardReader& reader_;
  int64_t index_;
  const ShardCheckOptions& options_;
  SampleResult result_;
};

std::vector<SampleResult> check_samples(const ShardReader& reader, const ShardCheckOptions& options) {
  std::vector<SampleResult> results(static_cast<size_t>(reader.size()));
  std::atomic<int64_t> next{0};
  const auto work = [&] {
    for (int64_t i = next++; i < reader.size() && !interrupt_requested(); i = next++) {
      results[static_cast<size_t>(i)] = SampleCheck(reader, i, options).run();
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 1; i < options.threads; ++i) threads.emplace_back(work);
  work();
  threads.clear();
  throw_if_interrupted("the check is not finished and says nothing");
  return results;
}

std::unique_ptr<ShardReader> open(const std::string& folder, ShardCheck& check) {
  try {
    return std::make_unique<ShardReader>(folder, true);
  } catch (const Error& error) {
    check.findings.push_back({"damaged", error.info().where, one_line(error)});
  }
  // A tar whose hash is wrong may still name its damaged samples.
  try {
    return std::make_unique<ShardReader>(folder, false);
  } catch (const Error&) {
    return nullptr;
  }
}

}  // namespace

std::map<std::string, int64_t> ShardCheck::count_by_kind() const {
  std::map<std::string, int64_t> counts;
  for (const auto& finding : findings) ++counts[finding.kind];
  return counts;
}

ShardCheck check_shards(const std::vector<std::string>& folders, const ShardCheckOptions& options) {
  ShardCheck check;
  std::set<std::string> ids;
  for (const auto& folder : folders) {
    const auto reader = open(folder, check);
    if (!reader) continue;
    check.samples += reader->size();
    for (auto& result : check_samples(*reader, options)) {
      check.turns += result.turns;
      check.records += static_cast<int64_t>(result.record_ids.size());
      for (const auto& id : result.record_ids) {
        if (!ids.insert(id).second) check.findings.push_back({"duplicate", folder + ", record " + id, "occurs twice"});
      }
      if (result.longest > check.longest_tokens) {
        check.longest_tokens = result.longest;
        check.longest_record = result.longest_record;
      }
      check.findings.insert(check.findings.end(), result.findings.begin(), result.findings.end());
    }
  }
  return check;
}

}  // namespace dermis
