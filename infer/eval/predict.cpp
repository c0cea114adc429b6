#include "infer/eval/predict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/io/atomic_folder.h"
#include "core/io/jsonl.h"
#include "core/version.h"

namespace dermis {
namespace {

// A question with what its prediction line repeats.
struct Asked {
  Prediction line;
  Question question;
};

std::vector<Asked> questions_of(const ShardSample& sample, int64_t index, int image,
                                const std::vector<std::string>& types) {
  std::vector<Asked> asked;
  for (const Record& record : sample.records) {
    if (!types.empty() && std::find(types.begin(), types.end(), record.question_type) == types.end()) continue;
    for (size_t k = 0; k < record.turns.size(); ++k) {
      const Turn& turn = record.turns[k];
      Asked one;
      one.line.id = k == 0 ? record.id : record.id + "#" + std::to_string(k);
      one.line.item = record.item;
      one.line.group = record.group;
      one.line.label = record.label;
      one.line.question_type = k == 0 ? record.question_type : record.question_type + "#" + std::to_string(k);
      one.line.strata = record.strata;
      one.line.sample = index;
      one.line.question = turn.question;
      one.line.expected = turn.answer;
      one.line.options = turn.options;
      one.question = {one.line.id,
                      {record.turns.begin(), record.turns.begin() + static_cast<std::ptrdiff_t>(k)},
                      turn.question,
                      turn.options,
                      image};
      if (!turn.options.empty() &&
          std::find(turn.options.begin(), turn.options.end(), turn.answer) == turn.options.end()) {
        throw Error(ErrorKind::data, {.what = "a closed question's answer is not among its options",
                                      .where = "key " + sample.key + ", record " + record.id,
                                      .found = turn.answer,
                                      .fix = "make the shards anew: 'dermis data check' finds such records"});
      }
      asked.push_back(std::move(one));
    }
  }
  return asked;
}

void answer_closed(const Engine& engine, const std::vector<Image>& images, std::vector<Asked>& asked,
                   const EvalOptions& options) {
  std::vector<Question> questions;
  std::vector<size_t> where;
  for (size_t i = 0; i < asked.size(); ++i) {
    if (asked[i].line.options.empty()) continue;
    questions.push_back(asked[i].question);
    where.push_back(i);
  }
  const auto scores = score_options(engine, images, questions, options.views);
  for (size_t q = 0; q < questions.size(); ++q) {
    Prediction& line = asked[where[q]].line;
    const auto correction = options.correction.find(line.question_type);
    const std::vector<double> corrected =
        correction == options.correction.end() ? scores[q] : correction->second.corrected(line.options, scores[q]);
    line.probabilities = probabilities_of(corrected);
    const auto best = std::max_element(corrected.begin(), corrected.end()) - corrected.begin();
    line.predicted = line.options[static_cast<size_t>(best)];
    line.log_likelihood = scores[q][static_cast<size_t>(best)];
  }
}

void answer_open(const Engine& engine, const std::vector<Image>& images, std::vector<Asked>& asked,
                 int max_new_tokens) {
  std::vector<Question> questions;
  std::vector<size_t> where;
  for (size_t i = 0; i < asked.size(); ++i) {
    if (!asked[i].line.options.empty()) continue;
    questions.push_back(asked[i].question);
    where.push_back(i);
  }
  const auto answers = answer_questions(engine, images, questions, {.max_new_tokens = max_new_tokens});
  for (size_t q = 0; q < questions.size(); ++q) {
    Prediction& line = asked[where[q]].line;
    line.predicted = answers[q].text;
    line.finished = answers[q].finished;
    line.valid = answers[q].text.find_first_not_of(" \t\n") != std::string::npos;
    line.log_likelihood = answers[q].log_likelihood;
  }
}

[[noreturn]] void no_header(const std::string& where, const std::string& fix) {
  throw Error(ErrorKind::data, {.what = "the predictions do not begin with the line that says what they were made with",
                                .where = where,
                                .expected = "an object with \"header\"",
                                .fix = fix});
}

// What an earlier run left in the file, after checking that it was made with the same things. Nothing when the run was
// stopped before its header was whole.
std::optional<std::map<std::string, Prediction>> earlier_predictions(const std::string& path,
                                                                     const PredictionHeader& header) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  std::map<std::string, Prediction> done;
  bool first = true;
  const nlohmann::ordered_json wanted = to_json(header);
  for_each_jsonl(
      path,
      [&](const JsonlLine& line) {
        if (!first) {
          Prediction prediction = prediction_from_json(line.json, line.where);
          done.emplace(prediction.id, std::move(prediction));
          return;
        }
        first = false;
        if (!line.json.contains("header")) no_header(line.where, "drop the predictions with --restart");
        for (const auto& [key, value] : wanted.items()) {
          if (key == "model" || key == "shards" || (line.json.contains(key) && line.json.at(key) == value)) continue;
          throw Error(ErrorKind::usage, {.what = "this folder holds predictions that were made with something else",
                                         .where = line.where + ", field " + key,
                                         .expected = value.dump(),
                                         .found = line.json.contains(key) ? line.json.at(key).dump() : "nothing",
                                         .fix = "choose another --out, or drop the old predictions with --restart"});
        }
      },
      TornLine::skip);
  if (first) return std::nullopt;
  return done;
}

// Error(usage) for types that no record of the shards has.
void check_question_types(const std::vector<std::string>& types, const ShardReader& shards) {
  if (types.empty()) return;
  std::set<std::string> known;
  for (int64_t i = 0; i < shards.size(); ++i) {
    for (const Record& record : shards.read_text(i).records) known.insert(record.question_type);
  }
  for (const std::string& type : types) {
    if (known.contains(type)) continue;
    throw Error(ErrorKind::usage, {.what = "no question of this type is in the shards",
                                   .where = "--questions, " + shards.folder(),
                                   .expected = fmt::format("{}", fmt::join(known, ", ")),
                                   .found = type,
                                   .fix = "name some of these, or leave --questions out to ask all"});
  }
}

}  // namespace

std::vector<Prediction> predict(const Engine& engine, const ShardReader& shards, const EvalOptions& options,
                                const std::function<void(int64_t, int64_t)>& progress) {
  check_question_types(options.question_types, shards);
  make_folder(options.out);
  const std::string path = (std::filesystem::path(options.out) / "predictions.jsonl").string();
  std::error_code unwritable;  // which opening the file tells better
  if (options.restart) std::filesystem::remove(path, unwritable);
  const PredictionHeader header{engine.folder,
                                options.model_digest,
                                shards.folder(),
                                shards.manifest().fingerprint,
                                std::string(version()) + " " + commit(),
                                options.views,
                                options.max_new_tokens,
                                precision_name(engine.model.placement().compute),
                                to_json(options.correction)};
  const auto earlier = earlier_predictions(path, header);
  const std::map<std::string, Prediction> done = earlier.value_or(std::map<std::string, Prediction>{});
  JsonlWriter writer(path);  // cuts off a torn last line, which may be the header
  if (!earlier) writer.append(to_json(header));

  std::vector<Prediction> predictions;
  const int64_t total = options.limit > 0 ? std::min(options.limit, shards.size()) : shards.size();
  for (int64_t begin = 0; begin < total; begin += options.images_per_batch) {
    throw_if_interrupted(
        fmt::format("{} of {} pictures are done and kept; run the same command again to go on", begin, total).c_str());
    std::vector<Image> images;
    std::vector<Asked> asked;
    for (int64_t index = begin; index < std::min<int64_t>(begin + options.images_per_batch, total); ++index) {
      const ShardSample sample = shards.read(index);
      auto questions = questions_of(sample, index, static_cast<int>(images.size()), options.question_types);
      const bool all_done =
          std::all_of(questions.begin(), questions.end(), [&](const Asked& a) { return done.contains(a.line.id); });
      if (!all_done) images.push_back(decode_image(sample.image, shards.folder() + ": " + sample.key));
      for (Asked& one : questions) {
        const auto kept = done.find(one.line.id);
        if (kept != done.end()) one.line = kept->second;
        asked.push_back(std::move(one));
      }
    }
    std::vector<Asked> open_work;
    for (Asked& one : asked) {
      if (!done.contains(one.line.id)) open_work.push_back(one);
    }
    answer_closed(engine, images, open_work, options);
    answer_open(engine, images, open_work, options.max_new_tokens);
    size_t at = 0;
    for (Asked& one : asked) {
      if (!done.contains(one.line.id)) {
        one.line = open_work[at++].line;
        writer.append(to_json(one.line));
      }
      predictions.push_back(one.line);
    }
    if (progress) progress(std::min<int64_t>(begin + options.images_per_batch, total), total);
  }
  if (predictions.empty()) {
    throw Error(ErrorKind::usage, {.what = "no question to evaluate",
                                   .where = shards.folder(),
                                   .expected = "records of the asked question types",
                                   .fix = "leave out --questions, or list the types with 'dermis data stats'"});
  }
  writer.sync();
  return predictions;
}

StoredPredictions read_predictions(const std::string& folder) {
  StoredPredictions stored;
  const std::string path = (std::filesystem::path(folder) / "predictions.jsonl").string();
  for_each_jsonl(path, [&](const JsonlLine& line) {
    if (stored.header.is_null()) {
      if (!line.json.contains("header")) no_header(line.where, "evaluate again: dermis eval ... --restart");
      stored.header = line.json;
    } else {
      stored.predictions.push_back(prediction_from_json(line.json, line.where));
    }
  });
  return stored;
}

}  // namespace dermis
