#include "train/loop/validation.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/random.h"
#include "data/batch/loader.h"
#include "data/image/fitted.h"
#include "models/decode/generate.h"
#include "train/objective.h"

namespace dermis {
namespace {

constexpr uint64_t kValidationStream = 0x76616c69;  // apart from the training order of the same seed

struct Recall {
  int64_t right = 0, asked = 0;
};
using Recalls = std::map<std::string, std::map<std::string, Recall>>;  // by question type, then by true answer

// Recall averaged over the answers of a question type, then over question types.
double balanced_accuracy(const Recalls& recalls) {
  double sum = 0;
  for (const auto& [question, answers] : recalls) {
    double of_question = 0;
    for (const auto& [answer, recall] : answers) {
      of_question += static_cast<double>(recall.right) / static_cast<double>(recall.asked);
    }
    sum += of_question / static_cast<double>(answers.size());
  }
  return recalls.empty() ? 0 : sum / static_cast<double>(recalls.size());
}

}  // namespace

// Some pictures with everything that is asked about them.
struct Validation::Chunk {
  std::vector<uint8_t> planes;
  int images = 0;
  std::vector<SequenceText> answers;  // the true ones: what the loss is taken over

  struct Closed {
    std::string question_type, answer;
    size_t first, count;  // of option_texts
    size_t truth;
  };
  std::vector<Closed> closed;
  std::vector<SequenceText> option_texts;  // every option of every closed question as a sequence of its own
};

struct Validation::Scores {
  double loss_sum = 0, tokens = 0;
  Recalls recalls;
};

Validation::Validation(std::vector<std::shared_ptr<const ShardReader>> shards, const StageRecipe& stage, uint64_t seed)
    : shards_(std::move(shards)), stage_(stage.name), batch_(stage.batch), validation_(stage.validation), seed_(seed) {
  for (const auto& shard : shards_) {
    for (int64_t i = 0; i < shard->size(); ++i) pictures_.push_back({shard.get(), i});
  }
  Random random(seed_, RandomPurpose::order, kValidationStream);
  random.shuffle(pictures_);
  const int64_t limit = validation_.max_images;
  if (limit > 0 && static_cast<int64_t>(pictures_.size()) > limit) pictures_.resize(static_cast<size_t>(limit));
  if (validation_.keep_best == KeepBest::accuracy) need_closed_question();
}

// An accuracy of nothing would be 0 at every step: whichever weights were kept, the choice would mean nothing.
void Validation::need_closed_question() const {
  for (const Picture& picture : pictures_) {
    const ShardSample sample = picture.shard->read_text(picture.index);
    if (asked(sample).empty()) continue;
    if (std::any_of(sample.records.begin(), sample.records.end(), [&](const Record& r) { return counted(r); })) return;
  }
  throw Error(ErrorKind::data,
              {.what = "keep_best = \"accuracy\" has no closed question to count",
               .where = fmt::format("stage {}, validation.accuracy_questions, {}", stage_, shards_.front()->folder()),
               .expected = "validation records with options, one of them the answer",
               .found = fmt::format("{} pictures without one{}", pictures_.size(),
                                    validation_.accuracy_questions.empty() ? "" : " of the types that count"),
               .fix = "name closed question types ('dermis data stats' lists what the shards hold), or keep_best = "
                      "\"loss\""});
}

// One question with options, of a type that accuracy counts.
bool Validation::counted(const Record& record) const {
  if (record.turns.size() != 1) return false;
  const Turn& turn = record.turns.front();
  if (std::find(turn.options.begin(), turn.options.end(), turn.answer) == turn.options.end()) return false;
  const auto& types = validation_.accuracy_questions;
  return types.empty() || std::find(types.begin(), types.end(), record.question_type) != types.end();
}

std::vector<const Record*> Validation::asked(const ShardSample& sample) const {
  std::vector<const Record*> records;
  for (const Record& record : sample.records) {
    // As in training: a table of weights names the types that are asked.
    const auto weight = batch_.question_weights.find(record.question_type);
    const bool named = weight != batch_.question_weights.end() && weight->second > 0;
    const bool left_out = !batch_.question_weights.empty() && !named;
    if (!left_out && !record.turns.empty()) records.push_back(&record);
  }
  Random random(seed_, RandomPurpose::question, kValidationStream, stable_hash(sample.key));
  random.shuffle(records);
  const auto limit = static_cast<size_t>(batch_.questions_per_image);
  if (records.size() > limit) records.resize(limit);
  return records;
}

void Validation::add_options(Chunk& chunk, const Record& record) const {
  const Turn& last = record.turns.back();
  const auto truth = std::find(last.options.begin(), last.options.end(), last.answer);
  chunk.closed.push_back({.question_type = record.question_type,
                          .answer = last.answer,
                          .first = chunk.option_texts.size(),
                          .count = last.options.size(),
                          .truth = static_cast<size_t>(truth - last.options.begin())});
  for (const std::string& option : last.options) {
    std::vector<Turn> turns{record.turns.back()};
    turns.back().answer = option;
    chunk.option_texts.push_back({.sample_id = record.id, .turns = turns, .weight = 1.0, .image = chunk.images});
  }
}

Validation::Chunk Validation::read_chunk(size_t first, const ImageFormat& format) const {
  Chunk chunk;
  const size_t plane_bytes = size_t{3} * static_cast<size_t>(format.size) * static_cast<size_t>(format.size);
  const size_t last = std::min(pictures_.size(), first + static_cast<size_t>(batch_.images));
  for (size_t i = first; i < last; ++i) {
    const ShardSample sample = pictures_[i].shard->read(pictures_[i].index);
    const auto loss_records = asked(sample);
    if (loss_records.empty()) continue;
    const size_t offset = chunk.planes.size();
    chunk.planes.resize(offset + plane_bytes);
    decode_to_planes(sample.image, sample.key, format, chunk.planes.data() + offset);
    for (const Record* record : loss_records) {
      chunk.answers.push_back(
          {.sample_id = record->id, .turns = record->turns, .weight = record->weight, .image = chunk.images});
    }
    if (validation_.keep_best == KeepBest::accuracy) {
      for (const Record& record : sample.records) {
        if (counted(record)) add_options(chunk, record);
      }
    }
    ++chunk.images;
  }
  return chunk;
}

std::optional<ValidationResult> Validation::run(const Vlm& model, const Tokenizer& tokenizer) const {
  const auto start = std::chrono::steady_clock::now();
  const at::NoGradGuard no_grad;
  const ImageFormat& format = model.config().image;
  const PromptFormat prompt = model.config().prompt_format();
  ValidationResult result;
  Scores scores;
  for (size_t first = 0; first < pictures_.size(); first += static_cast<size_t>(batch_.images)) {
    if (interrupt_requested()) return std::nullopt;
    const Chunk chunk = read_chunk(first, format);
    if (chunk.images == 0) continue;
    const Batch batch = pack(chunk.answers, chunk.planes, chunk.images, tokenizer, format, prompt, false);
    scores.loss_sum += batch_loss(model, batch, 1.0).item<double>();
    scores.tokens += batch.target_tokens();
    result.images += chunk.images;
    result.sequences += batch.sequence_count();
    if (chunk.closed.empty()) continue;
    const Batch options = pack(chunk.option_texts, chunk.planes, chunk.images, tokenizer, format, prompt, false);
    const std::vector<double> likelihoods = sequence_log_likelihoods(model, options);
    for (const Chunk::Closed& closed : chunk.closed) {
      const auto begin = likelihoods.begin() + static_cast<std::ptrdiff_t>(closed.first);
      const auto best = std::max_element(begin, begin + static_cast<std::ptrdiff_t>(closed.count)) - begin;
      Recall& recall = scores.recalls[closed.question_type][closed.answer];
      recall.asked += 1;
      recall.right += static_cast<size_t>(best) == closed.truth ? 1 : 0;
      ++result.closed;
    }
  }
  if (!(scores.tokens > 0)) {
    throw Error(ErrorKind::data, {.what = "the validation shards hold nothing to ask",
                                  .where = shards_.front()->folder(),
                                  .expected = "records of question types with a weight above 0",
                                  .found = fmt::format("{} pictures without one", pictures_.size()),
                                  .fix = "check question_weights and dermis data stats"});
  }
  result.loss = scores.loss_sum / scores.tokens;
  result.accuracy = balanced_accuracy(scores.recalls);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace dermis
