// dermis eval MODEL SHARDS
#include "infer/cmd/verbs.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/cli/checks.h"
#include "core/cli/parse.h"
#include "core/error.h"
#include "core/io/atomic_file.h"
#include "core/io/jsonl.h"
#include "core/log/progress.h"
#include "infer/cmd/engine_options.h"
#include "infer/eval/predict.h"
#include "infer/report/eval_report.h"

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
AnswerCorrection correction_from(const Engine& engine, const EvalArguments& a, const ShardManifest& held_out) {
  const ShardReader validation(a.validation);
  if (!a.allow_contaminated) {
    refuse_contamination(check_contamination(a.model, validation.manifest()), a.validation);
  }
  const std::set<std::string> groups(held_out.groups.begin(), held_out.groups.end());
  for (const std::string& group : validation.manifest().groups) {
    if (!groups.contains(group)) continue;
    throw Error(ErrorKind::data, {.what = "the validation set shares a leakage group with the held-out set",
                                  .where = a.validation + ", group " + group,
                                  .expected = "splits that share no patient, lesion or picture",
                                  .fix = "give --correct-on the validation split of the same 'dermis data split'"});
  }
  EvalOptions options = a.options;
  options.out = (std::filesystem::path(a.options.out) / "validation").string();
  options.limit = 0;
  return fit_answer_correction(predict_with_progress("validation", engine, validation, options));
}

void print_summary(const EvalSummary& summary) {
  for (const ClosedSummary& s : summary.closed) {
    fmt::print(
        "{:<28} n {:<5} balanced accuracy {:.3f} [{:.3f}, {:.3f}]  macro-F1 {:.3f}  AUROC {:.3f}  ECE {:.3f}  most "
        "frequent answer {:.0f} %\n",
        s.question_type, s.count, s.balanced_accuracy.value, s.balanced_accuracy.low, s.balanced_accuracy.high,
        s.macro_f1.value, s.auroc.value, s.ece.value, 100 * s.collapse.share);
  }
  for (const OpenSummary& s : summary.open) {
    fmt::print(
        "{:<28} n {:<5} exact match {:.3f}  token F1 {:.3f} [{:.3f}, {:.3f}]  valid {:.1f} %  truncated {:.1f} %\n",
        s.question_type, s.count, s.exact_match.value, s.token_f1.value, s.token_f1.low, s.token_f1.high,
        100 * s.valid_share, 100 * s.truncated_share);
  }
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
  a.options.model_digest = model_digest(a.model);
  const ShardReader shards(a.shards);
  const Contamination contamination = check_contamination(a.model, shards.manifest());
  if (!a.allow_contaminated) refuse_contamination(contamination, a.shards);

  if (!a.validation.empty()) a.options.correction = correction_from(engine, a, shards.manifest());
  const std::vector<Prediction> predictions = predict_with_progress("eval", engine, shards, a.options);

  EvalReport report;
  report.title = a.title.empty() ? "Evaluation on " + fs::path(a.shards).lexically_normal().string() : a.title;
  report.model = a.model;
  report.model_digest = a.options.model_digest;
  report.shards = a.shards;
  report.shards_fingerprint = shards.manifest().fingerprint;
  report.licence = shards.manifest().licence;
  report.views = a.options.views;
  report.validation = a.validation;
  report.correction = a.options.correction;
  report.summary = summarize(predictions);
  report.predictions = &predictions;
  report.pictures = &shards;
  report.contamination = contamination;
  if (!a.run.empty()) report.loss_curves = loss_curves_of(a.run);
  nlohmann::ordered_json metrics = to_json(report.summary);
  metrics["correction"] = to_json(report.correction);
  write_file_atomically((fs::path(a.options.out) / "metrics.json").string(), metrics.dump(2) + "\n");
  const std::string page = (fs::path(a.options.out) / "report.html").string();
  write_file_atomically(page, eval_report_html(report));
  print_summary(report.summary);
  fmt::print("report: {}\n", page);
  return 0;
}

}  // namespace dermis
