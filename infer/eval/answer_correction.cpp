#include "infer/eval/answer_correction.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

namespace dermis {
namespace {

constexpr double kPenalty = 0.02;  // of squared offsets and of the scale's squared distance from 1
constexpr double kLeastScale = 0.1;
constexpr double kLeastProbability = 1e-12;
constexpr int kMostSteps = 50;
constexpr double kSmallStep = 1e-9;

struct Example {
  std::vector<int> options;    // numbers of its options
  std::vector<double> scores;  // their log probabilities
  size_t expected = 0;         // which of them is right
  double weight = 0;
};

struct Problem {
  std::vector<Example> examples;
  int offsets = 0;  // options, or 0: the scale alone
};

// parameters: scale, then the offsets. The loss is convex in them; gradient and curvature are added up when asked for.
double loss_at(const Problem& problem, const Eigen::VectorXd& parameters, Eigen::VectorXd* gradient,
               Eigen::MatrixXd* curvature) {
  Eigen::VectorXd distance = parameters;
  distance[0] -= 1;
  double loss = kPenalty * distance.squaredNorm();
  if (gradient != nullptr) *gradient = 2 * kPenalty * distance;
  if (curvature != nullptr) curvature->setIdentity() *= 2 * kPenalty;
  for (const Example& example : problem.examples) {
    const auto count = static_cast<Eigen::Index>(example.options.size());
    Eigen::MatrixXd features = Eigen::MatrixXd::Zero(count, parameters.size());
    for (Eigen::Index i = 0; i < count; ++i) {
      features(i, 0) = example.scores[static_cast<size_t>(i)];
      if (problem.offsets > 0) features(i, 1 + example.options[static_cast<size_t>(i)]) = 1;
    }
    const Eigen::VectorXd scores = features * parameters;
    const double largest = scores.maxCoeff();
    Eigen::VectorXd chances = (scores.array() - largest).exp();
    const double sum = chances.sum();
    chances /= sum;
    const auto expected = static_cast<Eigen::Index>(example.expected);
    loss += example.weight * (largest + std::log(sum) - scores[expected]);
    if (gradient == nullptr) continue;
    const Eigen::VectorXd mean = features.transpose() * chances;
    *gradient += example.weight * (mean - features.row(expected).transpose());
    *curvature += example.weight * (features.transpose() * chances.asDiagonal() * features - mean * mean.transpose());
  }
  return loss;
}

// Newton's method, steps halved while they do not help.
Eigen::VectorXd minimum_of(const Problem& problem) {
  const Eigen::Index size = problem.offsets + 1;
  Eigen::VectorXd parameters = Eigen::VectorXd::Zero(size), gradient(size);
  Eigen::MatrixXd curvature(size, size);
  parameters[0] = 1;
  for (int i = 0; i < kMostSteps; ++i) {
    const double loss = loss_at(problem, parameters, &gradient, &curvature);
    Eigen::VectorXd step = curvature.ldlt().solve(gradient);
    while (step.norm() > kSmallStep && loss_at(problem, parameters - step, nullptr, nullptr) > loss) step /= 2;
    parameters -= step;
    if (step.norm() <= kSmallStep) break;
  }
  return parameters;
}

OptionCorrection fit(const std::vector<const Prediction*>& questions) {
  std::map<std::string, int> counts, numbers;
  for (const Prediction* question : questions) {
    ++counts[question->expected];
    for (const std::string& option : question->options) numbers.emplace(option, static_cast<int>(numbers.size()));
  }
  const auto rarest =
      std::min_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  Problem problem;
  problem.offsets = rarest->second < kLeastQuestions ? 0 : static_cast<int>(numbers.size());
  for (const Prediction* question : questions) {
    Example example;
    for (size_t k = 0; k < question->options.size(); ++k) {
      example.options.push_back(numbers.at(question->options[k]));
      example.scores.push_back(std::log(std::max(question->probabilities[k], kLeastProbability)));
      if (question->options[k] == question->expected) example.expected = k;
    }
    // Classes weigh equally, all of them together 1.
    example.weight = 1.0 / (counts.at(question->expected) * static_cast<double>(counts.size()));
    problem.examples.push_back(std::move(example));
  }
  const Eigen::VectorXd parameters = minimum_of(problem);
  OptionCorrection correction{std::max(parameters[0], kLeastScale), {}, static_cast<int64_t>(questions.size())};
  if (problem.offsets == 0) return correction;
  for (const auto& [option, number] : numbers) correction.offsets[option] = parameters[1 + number];
  return correction;
}

}  // namespace

std::vector<double> OptionCorrection::corrected(const std::vector<std::string>& options,
                                                const std::vector<double>& scores) const {
  std::vector<double> result;
  for (size_t i = 0; i < options.size(); ++i) {
    const auto offset = offsets.find(options[i]);
    result.push_back(scale * scores[i] + (offset == offsets.end() ? 0 : offset->second));
  }
  return result;
}

AnswerCorrection fit_answer_correction(const std::vector<Prediction>& validation) {
  std::map<std::string, std::vector<const Prediction*>> by_type;
  for (const Prediction& prediction : validation) {
    if (prediction.closed()) by_type[prediction.question_type].push_back(&prediction);
  }
  AnswerCorrection correction;
  for (const auto& [type, questions] : by_type) {
    const std::string& first = questions.front()->expected;
    const bool varied = std::any_of(questions.begin(), questions.end(),
                                    [&first](const Prediction* question) { return question->expected != first; });
    if (varied) correction[type] = fit(questions);
  }
  return correction;
}

nlohmann::ordered_json to_json(const AnswerCorrection& correction) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [type, one] : correction)
    json[type] = {{"scale", one.scale}, {"offsets", one.offsets}, {"questions", one.questions}};
  return json;
}

}  // namespace dermis
