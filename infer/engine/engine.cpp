#include "infer/engine/engine.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/io/hash.h"
#include "data/batch/loader.h"

namespace dermis {
namespace {

std::vector<Turn> conversation(const Question& question, const std::string& answer) {
  std::vector<Turn> turns = question.history;
  turns.push_back({question.text, answer, question.options});
  return turns;
}

// Label rows carry every answer of a conversation; only the last turn is being judged.
void keep_last_answer(Batch& batch, const std::vector<SequenceText>& sequences) {
  const bool has_history =
      std::any_of(sequences.begin(), sequences.end(), [](const SequenceText& s) { return s.turns.size() > 1; });
  if (!has_history) return;
  Batch kept = batch;
  kept.label_rows.clear();
  kept.label_ids.clear();
  kept.label_weights.clear();
  size_t at = 0;
  for (size_t b = 0; b + 1 < batch.sequence_offsets.size(); ++b) {
    size_t end = at;
    while (end < batch.label_rows.size() && batch.label_rows[end] < batch.sequence_offsets[b + 1]) ++end;
    size_t begin = end;  // answers are runs of neighbouring rows, the last run is the last answer
    while (begin > at && (begin == end || batch.label_rows[begin - 1] + 1 == batch.label_rows[begin])) --begin;
    for (size_t i = begin; i < end; ++i) {
      kept.label_rows.push_back(batch.label_rows[i]);
      kept.label_ids.push_back(batch.label_ids[i]);
      kept.label_weights.push_back(batch.label_weights[i]);
    }
    at = end;
  }
  batch = std::move(kept);
}

}  // namespace

Engine open_engine(const std::string& folder, const EngineOptions& options) {
  if (!std::filesystem::is_directory(folder)) {
    throw Error(ErrorKind::data,
                {.what = "no model folder there",
                 .where = folder,
                 .expected = "a folder with config.json, model.safetensors and tokenizer.model",
                 .fix = "give the folder that 'dermis train' wrote (RUN/model) or a Hugging Face snapshot"});
  }
  LoadReport report;
  const Placement placement =
      choose_placement(options.device, options.precision, load_config(folder), Purpose::inference);
  Vlm model = load_model(folder, placement, &report);
  return {folder, Tokenizer::load(folder), std::move(model), std::move(report)};
}

std::string model_digest(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name == "config.json" || name == "tokenizer.model" || name.ends_with(".safetensors"))
      files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  std::string hashes;
  for (const std::string& file : files) hashes += sha256_of_file(file);
  return sha256_hex(hashes);
}

std::vector<std::vector<double>> score_options(const Engine& engine, const std::vector<Image>& images,
                                               const std::vector<Question>& questions, const Views& views) {
  at::NoGradGuard no_grad;
  const VlmConfig& config = engine.model.config();
  std::vector<SequenceText> sequences;
  for (const Question& question : questions) {
    for (const std::string& option : question.options) {
      sequences.push_back({question.sample_id, conversation(question, option), 1.0, question.image});
    }
  }
  std::vector<std::vector<double>> scores(questions.size());
  if (sequences.empty()) return scores;
  std::vector<double> total(sequences.size(), 0.0);
  for (int view = 0; view < views.count; ++view) {
    Batch batch = pack(sequences, view_planes(images, config.image, views, view), static_cast<int>(images.size()),
                       engine.tokenizer, config.image, config.prompt_format(), false);
    keep_last_answer(batch, sequences);
    const std::vector<double> likelihoods = sequence_log_likelihoods(engine.model, batch);
    for (size_t i = 0; i < total.size(); ++i) total[i] += likelihoods[i] / views.count;
  }
  size_t at = 0;
  for (size_t q = 0; q < questions.size(); ++q) {
    for (size_t i = 0; i < questions[q].options.size(); ++i) scores[q].push_back(total[at++]);
  }
  return scores;
}

std::vector<Answer> answer_questions(const Engine& engine, const std::vector<Image>& images,
                                     const std::vector<Question>& questions, const GenerateOptions& options,
                                     const std::function<void(int, const std::string&)>& on_piece) {
  at::NoGradGuard no_grad;
  if (questions.empty()) return {};
  const VlmConfig& config = engine.model.config();
  std::vector<SequenceText> sequences;
  for (const Question& question : questions)
    sequences.push_back({question.sample_id, conversation(question, ""), 1.0, question.image});
  const Batch batch = pack(sequences, view_planes(images, config.image, {}, 0), static_cast<int>(images.size()),
                           engine.tokenizer, config.image, config.prompt_format(), true);
  std::vector<std::vector<int32_t>> so_far(questions.size());
  std::vector<std::string> shown(questions.size());
  const auto on_token = [&](int sequence, int32_t token) {
    const auto s = static_cast<size_t>(sequence);
    so_far[s].push_back(token);
    if (on_piece) {  // a piece may complete a character that the tokens before it only began: show the difference of
                     // the texts
      const std::string text = engine.tokenizer.decode(so_far[s]);
      if (text.size() > shown[s].size()) on_piece(sequence, text.substr(shown[s].size()));
      shown[s] = text;
    }
    return true;
  };
  std::vector<Answer> answers;
  for (const Generated& generated : generate(engine.model, batch, options, on_token)) {
    answers.push_back({engine.tokenizer.decode(generated.tokens), generated.finished, generated.log_likelihood,
                       static_cast<int64_t>(generated.tokens.size())});
  }
  return answers;
}

std::vector<double> probabilities_of(const std::vector<double>& log_likelihoods) {
  std::vector<double> probabilities(log_likelihoods.size());
  if (log_likelihoods.empty()) return probabilities;
  const double top = *std::max_element(log_likelihoods.begin(), log_likelihoods.end());
  double total = 0;
  for (size_t i = 0; i < probabilities.size(); ++i) total += probabilities[i] = std::exp(log_likelihoods[i] - top);
  for (double& p : probabilities) p /= total;
  return probabilities;
}

}  // namespace dermis
