// What held-out validation questions say about a model's answers to closed questions: a model that is fine-tuned on few
// pictures, of which rare classes come often, leans towards some answers and is too sure of them. Per question type one
// scale of the options' scores and one offset an option (vector scaling with a single temperature, Guo et al. 2017,
// arXiv:1706.04599), fitted so that every class counts equally.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "infer/eval/prediction.h"

namespace dermis {

struct OptionCorrection {
  double scale = 1;
  std::map<std::string, double> offsets;  // 0 for options that are not here
  int64_t questions = 0;                  // that it was fitted on

  // Scores (log likelihoods) of options, corrected; comparable with each other alone.
  std::vector<double> corrected(const std::vector<std::string>& options, const std::vector<double>& scores) const;
};
using AnswerCorrection = std::map<std::string, OptionCorrection>;  // by question type

// From the probabilities of closed predictions that were not corrected themselves. Offsets and scale are held near 0
// and 1 by a small penalty. Offsets are fitted only where every right answer came at least kLeastQuestions times: one
// odd picture of a rare class must not move all the others. Types with a single right answer are left out.
constexpr int kLeastQuestions = 10;
AnswerCorrection fit_answer_correction(const std::vector<Prediction>& validation);

nlohmann::ordered_json to_json(const AnswerCorrection& correction);

}  // namespace dermis
