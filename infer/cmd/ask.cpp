// dermis ask MODEL IMAGE QUESTION
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <set>

#include "core/cli/checks.h"
#include "core/cli/parse.h"
#include "core/error.h"
#include "infer/cmd/engine_options.h"
#include "infer/cmd/verbs.h"
#include "infer/engine/engine.h"

namespace dermis {

namespace {

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t\n") + 1 - begin);
}

// A question is closed when there is something to choose.
void check_options(const std::vector<std::string>& options) {
  const std::set<std::string> different(options.begin(), options.end());
  if (different.size() == options.size() && options.size() >= 2 && !different.contains("")) return;
  throw Error(ErrorKind::usage, {.what = "these are no answers to choose from",
                                 .where = "--options",
                                 .expected = "two or more different answers, none of them empty",
                                 .found = fmt::format("\"{}\"", fmt::join(options, ",")),
                                 .fix = "for example --options melanoma,nevus, or leave it out for a free answer"});
}

}  // namespace

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
  const bool closed = app.count("--options") > 0;
  if (closed) {
    for (std::string& option : options) option = trimmed(option);
    check_options(options);
  }
  check_views(views);
  if (!closed && app.count("--views") + app.count("--crops") > 0) {
    throw Error(ErrorKind::usage, {.what = "views are averaged for closed questions alone",
                                   .where = app.count("--crops") > 0 ? "--crops" : "--views",
                                   .expected = "--options beside it",
                                   .fix = "name the answers with --options, or leave it out"});
  }
  if (question.find_first_not_of(" \t\n") == std::string::npos) {
    throw Error(ErrorKind::usage, {.what = "the question is empty",
                                   .where = "dermis ask",
                                   .fix = "give the question as third argument, in quotes"});
  }

  const Engine engine = open_engine(model, where);
  print_notes(engine);
  const std::vector<Image> images{read_image(image)};
  const std::vector<Question> questions{{"ask", {}, question, options, 0}};
  if (closed) {
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
