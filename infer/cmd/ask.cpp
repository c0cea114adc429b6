// dermis ask MODEL IMAGE QUESTION
#include <fmt/core.h>

#include <cstdio>

#include "core/cli/checks.h"
#include "core/cli/parse.h"
#include "core/error.h"
#include "infer/cmd/engine_options.h"
#include "infer/cmd/verbs.h"
#include "infer/engine/engine.h"

namespace dermis {

int run_ask(const CommandTable&, const std::vector<std::string>& words) {
  std::string model;
  std::string image;
  std::string question;
  std::vector<std::string> options;
  Views views;
  GenerateOptions generation;
  EngineOptions where;
  CLI::App app("Asks a model one question about a picture and prints the answer as it is made.", "ask");
  app.add_option("model", model, "model folder")->required();
  app.add_option("image", image, "picture file")->required();
  app.add_option("question", question, "question")->required();
  app.add_option("--options", options, "closed question: prints the probability of each of these answers")
      ->delimiter(',');
  add_view_options(app, views);
  app.add_option("--max-new-tokens", generation.max_new_tokens, "limit of the answer")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--temperature", generation.temperature, "0: greedy")->check(non_negative())->capture_default_str();
  app.add_option("--top-k", generation.top_k, "sample among the K likeliest tokens; 0: all")
      ->check(non_negative())
      ->capture_default_str();
  app.add_option("--top-p", generation.top_p, "sample within this probability mass")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--seed", generation.seed, "of sampling")->capture_default_str();
  add_engine_options(app, where);
  if (!parse_arguments(app, words)) return 0;
  check_views(views);
  if (question.find_first_not_of(" \t\n") == std::string::npos) {
    throw Error(ErrorKind::usage, {.what = "the question is empty",
                                   .where = "dermis ask",
                                   .fix = "give the question as third argument, in quotes"});
  }

  const Engine engine = open_engine(model, where);
  const std::vector<Image> images{read_image(image)};
  const std::vector<Question> questions{{"ask", {}, question, options, 0}};
  if (!options.empty()) {
    const std::vector<double> probabilities = probabilities_of(score_options(engine, images, questions, views).front());
    for (size_t i = 0; i < options.size(); ++i) fmt::print("{:6.1f} %  {}\n", 100 * probabilities[i], options[i]);
    return 0;
  }
  const Answer answer = answer_questions(engine, images, questions, generation, [](int, const std::string& piece) {
                          fmt::print("{}", piece);
                          std::fflush(stdout);
                        }).front();
  fmt::print("\n");
  if (!answer.finished)
    fmt::print(stderr, "(cut at {} tokens; --max-new-tokens allows more)\n", generation.max_new_tokens);
  return 0;
}

}  // namespace dermis
