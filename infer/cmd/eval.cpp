// dermis eval MODEL SHARDS
#include "infer/cmd/verbs.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "core/cli/checks.h"
#include "core/cli/parse.h"
#include "core/error.h"
#include "core/io/atomic_file.h"
#include "core/io/jsonl.h"
#include "core/log/progress.h"
#include "core/process.h"
#include "core/version.h"
#include "infer/cmd/engine_options.h"
#include "infer/eval/predict.h"
#include "infer/report/eval_report.h"
#include "infer/report/sections.h"

namespace dermis {
namespace {

struct EvalArguments {
  std::string model, shards, run, title, validation;
  EvalOptions options;
  EngineOptions where;
  bool allow_contaminated = false;
};

bool parse(const std::vector<std::string>& words, EvalArguments& a) {
  CLI::App app("Evaluates a model on a held-out shard folder: predictions.jsonl, metrics.json and report.html.",
               "eval");
  app.add_option("model", a.model, "model folder (RUN/model)")->required();
  app.add_option("shards", a.shards, "shard folder of the held-out split")->required();
  app.add_option("--out", a.options.out, "folder for the results; default: MODEL/../eval");
  app.add_option("--run", a.run,
                 "run folder whose loss curves the report shows; default: the model's, when it has a log");
  app.add_option("--title", a.title, "title of the report");
  app.add_option("--questions", a.options.question_types, "question types to ask; default: all")->delimiter(',');
  add_view_options(app, a.options.views);
  app.add_option("--correct-on", a.validation,
                 "shard folder of the validation split: the model's lean towards some options of closed questions is "
                 "measured there and taken out");
  app.add_option("--batch", a.options.images_per_batch, "pictures a batch")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--max-new-tokens", a.options.max_new_tokens, "limit of an open answer")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--limit", a.options.limit, "only the first N pictures")->check(non_negative());
  app.add_flag("--restart", a.options.restart, "drop predictions of an earlier run");
  app.add_flag("--allow-contaminated", a.allow_contaminated,
               "evaluate although training saw part of the set; the report says so");
  add_engine_options(app, a.where);
  if (!parse_arguments(app, words)) return false;
  check_views(a.options.views);
  return true;
}

std::vector<Prediction> predict_with_progress(const std::string& name, const Engine& engine, const ShardReader& shards,
                                              const EvalOptions& options) {
  const int64_t pictures = options.limit > 0 ? std::min(options.limit, shards.size()) : shards.size();
  Progress progress(name, pictures);
  std::vector<Prediction> predictions =
      predict(engine, shards, options, [&](int64_t done, int64_t) { progress.update(done); });
  progress.finish(pictures);
  return predictions;
}

// Validation must share no patient, lesion or picture with training, nor with the set that its findings are used on.
AnswerCorrection correction_from(const Engine& engine, const EvalArguments& a, const ShardReader& held_out) {
  const ShardReader validation(a.validation);
  if (!a.allow_contaminated) refuse_contamination(check_contamination(a.model, validation), a.validation);
  SeenPictures pictures;
  pictures.add(held_out);
  const Recognition shared = recognise(pictures, validation);
  if (!shared.known.empty()) {
    throw Error(ErrorKind::data, {.what = "the validation set holds pictures of the held-out set",
                                  .where = a.validation,
                                  .expected = "splits that share no patient, lesion or picture",
                                  .found = describe(shared),
                                  .fix = "give --correct-on the validation split of the same 'dermis data split'"});
  }
  EvalOptions options = a.options;
  options.out = (std::filesystem::path(a.options.out) / "validation").string();
  options.limit = 0;
  return fit_answer_correction(predict_with_progress("validation", engine, validation, options));
}

void print_summary(const EvalSummary& summary) {
  for (const ClosedSummary& s : summary.closed) {
    fmt::print("{:<28} n {:<5} balanced accuracy {}", s.question_type, s.count,
               figure_text(s.balanced_accuracy).plain());
    if (!s.balanced_accuracy.too_few) {
      fmt::print("  macro-F1 {}  AUROC {}  ECE {}  most frequent answer {}", figure_text(s.macro_f1).value,
                 figure_text(s.auroc).value, figure_text(s.ece).value, share_text(s.collapse.share, s.count).plain());
    }
    fmt::print("\n");
  }
  for (const OpenSummary& s : summary.open) {
    fmt::print("{:<28} n {:<5} exact match {}", s.question_type, s.count, figure_text(s.exact_match).value);
    if (!s.exact_match.too_few) {
      fmt::print("  token F1 {}  valid {}  truncated {}", figure_text(s.token_f1).plain(),
                 share_text(s.valid_share, s.count, 1).plain(), share_text(s.truncated_share, s.count, 1).plain());
    }
    fmt::print("\n");
  }
  if (const std::string scarce = scarce_text(summary); !scarce.empty()) fmt::print("{}\n", scarce);
}

void print_contamination(const Recognition& contamination) {
  if (!contamination.known.empty())
    fmt::print("contaminated: training saw {}: these figures are too good\n", describe(contamination));
  for (const std::string& gap : contamination.gaps) fmt::print("contamination not checked: {}\n", gap);
}

EvalOrigin origin_of(const EvalArguments& a, const Engine& engine, const ShardReader& shards) {
  EvalOrigin origin;
  origin.date = utc_time();
  origin.engine_version = std::string(version()) + " " + commit();
  origin.model = a.model;
  origin.model_digest = a.options.model_digest;
  origin.precision = precision_name(engine.model.placement().compute);
  origin.shards = a.shards;
  origin.shards_fingerprint = shards.manifest().fingerprint;
  origin.licence = shards.manifest().licence;
  origin.pictures_in_set = shards.size();
  origin.pictures = a.options.limit > 0 ? std::min(a.options.limit, shards.size()) : shards.size();
  origin.question_types = a.options.question_types;
  origin.views = a.options.views;
  origin.notes = engine.load_report.notes;
  return origin;
}

}  // namespace

int run_eval(const CommandTable&, const std::vector<std::string>& words) {
  EvalArguments a;
  if (!parse(words, a)) return 0;
  namespace fs = std::filesystem;
  const std::string run_of_model = fs::absolute(a.model).lexically_normal().parent_path().string();
  if (a.options.out.empty()) a.options.out = (fs::path(run_of_model) / "eval").string();
  if (a.run.empty() && fs::exists(fs::path(run_of_model) / "log.jsonl")) a.run = run_of_model;

  const Engine engine = open_engine(a.model, a.where);
  print_notes(engine);
  a.options.model_digest = model_digest(a.model);
  const ShardReader shards(a.shards);
  EvalReport report;
  report.origin = origin_of(a, engine, shards);
  report.origin.contamination = check_contamination(a.model, shards);
  if (!a.allow_contaminated) refuse_contamination(report.origin.contamination, a.shards);

  if (!a.validation.empty()) a.options.correction = correction_from(engine, a, shards);
  const std::vector<Prediction> predictions = predict_with_progress("eval", engine, shards, a.options);

  report.title = a.title.empty() ? "Evaluation on " + fs::path(a.shards).lexically_normal().string() : a.title;
  report.validation = a.validation;
  report.correction = a.options.correction;
  report.summary = summarize(predictions);
  report.predictions = &predictions;
  report.pictures = &shards;
  if (!a.run.empty()) report.loss_curves = loss_curves_of(a.run);
  nlohmann::ordered_json metrics = to_json(report.summary);
  metrics["origin"] = to_json(report.origin);
  metrics["correction"] = to_json(report.correction);
  write_file_atomically((fs::path(a.options.out) / "metrics.json").string(), metrics.dump(2) + "\n");
  const std::string page = (fs::path(a.options.out) / "report.html").string();
  write_file_atomically(page, eval_report_html(report));
  print_summary(report.summary);
  print_contamination(report.origin.contamination);
  fmt::print("report: {}\n", page);
  return 0;
}

}  // namespace dermis
