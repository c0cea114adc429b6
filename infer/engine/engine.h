// A model folder opened for use: weights, tokenizer and how pictures enter. What eval, ask and later serving share.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/image/image.h"
#include "data/record.h"
#include "data/text/tokenizer.h"
#include "infer/engine/views.h"
#include "models/decode/generate.h"
#include "models/vlm.h"
#include "models/weights/hf_folder.h"

namespace dermis {

struct Engine {
  std::string folder;
  Tokenizer tokenizer;
  Vlm model;
  LoadReport load_report;
};

// Where and how exactly a model computes: words of choose_placement (models/placement.h).
struct EngineOptions {
  std::string device = "auto", precision = "auto";
};

// Throws Error(data) naming the folder and the file that is missing or does not fit; Error(usage or device) for
// options that cannot be had.
Engine open_engine(const std::string& folder, const EngineOptions& options = {});

// SHA-256 over config.json, the weight files and tokenizer.model: names the model in results. Reads all of them.
std::string model_digest(const std::string& folder);

// One question about picture `image` of a batch, with the turns before it.
struct Question {
  std::string sample_id;
  std::vector<Turn> history;  // earlier turns with their answers
  std::string text;
  std::vector<std::string> options;  // closed when not empty
  int image = 0;
};

// For every question the log-likelihood of each of its options (empty for open ones), averaged over the views. Every
// picture is encoded once a view.
std::vector<std::vector<double>> score_options(const Engine& engine, const std::vector<Image>& images,
                                               const std::vector<Question>& questions, const Views& views = {});

// Free answers; `on_piece` (may be empty) gets (question, text added by the newest token).
struct Answer {
  std::string text;
  bool finished = false;  // false: cut at max_new_tokens
  double log_likelihood = 0;
  int64_t tokens = 0;
};
std::vector<Answer> answer_questions(const Engine& engine, const std::vector<Image>& images,
                                     const std::vector<Question>& questions, const GenerateOptions& options,
                                     const std::function<void(int, const std::string&)>& on_piece = {});

// softmax of log-likelihoods.
std::vector<double> probabilities_of(const std::vector<double>& log_likelihoods);

}  // namespace dermis
