#include "data/batch/sample_table.h"

#include <fmt/format.h>
#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "core/error.h"

namespace dermis {
namespace {

struct Limits {
  const Tokenizer& tokenizer;
  const PromptFormat& prompt;
  const LoaderOptions& options;
  int64_t separator_tokens;
  int64_t max_tokens;
};

double type_weight(const LoaderOptions& options, const std::string& type) {
  if (options.question_type_weights.empty()) return 1.0;
  const auto found = options.question_type_weights.find(type);
  return found == options.question_type_weights.end() ? 0.0 : found->second;
}

void check_answers(const Record& record, const std::string& where) {
  for (const auto& turn : record.turns) {
    if (!turn.answer.empty()) continue;
    throw Error(ErrorKind::data, {.what = "a record has no answer to learn",
                                  .where = where + ", record " + record.id,
                                  .expected = "text in every turn's answer",
                                  .found = "an empty answer",
                                  .fix = "'dermis data check' lists all such records"});
  }
}

LoaderSample read_sample(const ShardReader& reader, int source, int64_t index, const Limits& limits,
                         std::atomic<int64_t>& dropped, std::atomic<int64_t>& cut) {
  const ShardSample shard = reader.read_text(index);
  LoaderSample sample{source, index, shard.item.label, shard.item.width, shard.item.height, {}};
  std::map<std::string, int> records_of_type;
  for (const auto& record : shard.records) ++records_of_type[record.question_type];
  for (const auto& record : shard.records) {
    const double weight = type_weight(limits.options, record.question_type) / records_of_type.at(record.question_type);
    if (weight <= 0) continue;
    check_answers(record, reader.where(index));
    TokenizedQuestion question{encode_sequence({record.id, record.turns, record.weight, 0}, limits.tokenizer), weight};
    const int64_t length = sequence_length(question.tokens, limits.prompt, limits.separator_tokens, false);
    if (length > limits.max_tokens) {
      const bool kept = limits.options.long_text == LongText::cut &&
                        cut_sequence(question.tokens, limits.prompt, limits.separator_tokens, limits.max_tokens);
      ++(kept ? cut : dropped);
      if (!kept) continue;
    }
    sample.questions.push_back(std::move(question));
  }
  return sample;
}

void check_type_weights(const LoaderOptions& options) {
  for (const auto& [type, weight] : options.question_type_weights) {
    if (weight >= 0) continue;
    throw Error(ErrorKind::usage, {.what = "a question type has a negative weight",
                                   .where = "batch.question_weights." + type,
                                   .expected = "0 or more",
                                   .found = std::to_string(weight)});
  }
}

}  // namespace

SampleTable read_sample_table(const std::vector<std::shared_ptr<const ShardReader>>& sources,
                              const Tokenizer& tokenizer, const PromptFormat& prompt, const LoaderOptions& options) {
  check_type_weights(options);
  const int64_t limit = options.max_tokens > 0 ? std::min(options.max_tokens, prompt.max_tokens) : prompt.max_tokens;
  const Limits limits{tokenizer, prompt, options, static_cast<int64_t>(tokenizer.encode(prompt.separator).size()),
                      limit};
  std::vector<std::pair<int, int64_t>> places;
  for (size_t source = 0; source < sources.size(); ++source) {
    for (int64_t i = 0; i < sources[source]->size(); ++i) places.emplace_back(static_cast<int>(source), i);
  }
  SampleTable table;
  table.samples.resize(places.size());
  std::atomic<int64_t> dropped{0}, cut{0};
  std::atomic<size_t> next{0};
  std::mutex mutex;
  size_t first_failure = places.size();
  std::exception_ptr failure;
  const auto work = [&] {
    for (size_t at = next++; at < places.size(); at = next++) {
      const auto [source, index] = places[at];
      try {
        table.samples[at] = read_sample(*sources[static_cast<size_t>(source)], source, index, limits, dropped, cut);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (at < first_failure) {
          first_failure = at;
          failure = std::current_exception();
        }
      }
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 1; i < options.threads; ++i) threads.emplace_back(work);
  work();
  threads.clear();
  if (failure) std::rethrow_exception(failure);
  table.dropped_long = dropped;
  table.cut_long = cut;
  return table;
}

}  // namespace dermis
