// dermis compare FIRST SECOND
#include <fmt/core.h>

#include <filesystem>

#include "core/cli/parse.h"
#include "core/error.h"
#include "core/io/atomic_file.h"
#include "infer/cmd/verbs.h"
#include "infer/eval/predict.h"
#include "infer/report/charts.h"
#include "infer/report/compare_report.h"
#include "infer/report/sections.h"

namespace dermis {

namespace {

// From the first line of predictions.jsonl.
std::string origin_text(const nlohmann::ordered_json& header) {
  return fmt::format("model {} {}, held-out set {} {}, dermis {}, computed in {}", header.value("model", "?"),
                     header.value("model_digest", "").substr(0, 12), header.value("shards", "?"),
                     header.value("shards_fingerprint", "").substr(0, 12), header.value("engine_version", "?"),
                     header.value("precision", "?"));
}

void print_row(const PairedRow& row, const std::vector<std::string>& names) {
  const Interval& difference = row.difference.difference;
  fmt::print("{:<24} n {:<5} ", row.question_type, row.count);
  if (difference.too_few) {
    fmt::print("{}\n", figure_text(difference).plain());
    return;
  }
  fmt::print("{} {}   {} {}   difference {}\n", names[0], figure_text(row.first).plain(), names[1],
             figure_text(row.second).plain(), figure_text(difference, 3, Sign::always).plain());
}

}  // namespace

int run_compare(const CommandTable&, const std::vector<std::string>& words) {
  std::string first;
  std::string second;
  std::string out;
  std::string title = "Comparison of two evaluations";
  std::vector<std::string> names{"first", "second"};
  std::string note;
  std::vector<std::string> runs;
  CLI::App app(
      "Compares two evaluations on the same questions: paired differences with intervals, as text and as a page.",
      "compare");
  app.add_option("first", first, "folder of 'dermis eval'")->required();
  app.add_option("second", second, "folder of 'dermis eval' on the same shards")->required();
  app.add_option("--out", out, "page to write; default: SECOND/compare.html");
  app.add_option("--names", names, "what to call them")->delimiter(',')->expected(2);
  app.add_option("--runs", runs, "their run folders, for the loss curves")->delimiter(',')->expected(2);
  app.add_option("--title", title, "title of the page");
  app.add_option("--note", note, "what a reader must know of the two, printed and under the title");
  if (!parse_arguments(app, words)) return 0;

  const StoredPredictions a = read_predictions(first);
  const StoredPredictions b = read_predictions(second);
  const auto fingerprint = [](const StoredPredictions& stored) {
    return stored.header.value("shards_fingerprint", "");
  };
  if (fingerprint(a) != fingerprint(b)) {
    throw Error(ErrorKind::usage, {.what = "the two evaluations used different held-out sets",
                                   .where = first + " and " + second,
                                   .expected = "equal shards_fingerprint",
                                   .found = fingerprint(a).substr(0, 12) + " and " + fingerprint(b).substr(0, 12),
                                   .fix = "evaluate both models on the same shard folder"});
  }
  CompareReport report{title,
                       names[0],
                       names[1],
                       compare_predictions(a.predictions, b.predictions),
                       summarize(a.predictions),
                       summarize(b.predictions),
                       {}};
  for (size_t i = 0; i < runs.size(); ++i) {
    for (Series& series : loss_curves_of(runs[i], names[i] + ", ")) report.loss_curves.push_back(std::move(series));
  }
  report.note = note;
  report.first_origin = origin_text(a.header);
  report.second_origin = origin_text(b.header);
  if (!note.empty()) fmt::print("{}\n", note);
  for (const PairedRow& row : report.rows) print_row(row, names);
  if (const std::string scarce = scarce_text(report.first); !scarce.empty()) fmt::print("{}\n", scarce);
  if (out.empty()) out = (std::filesystem::path(second) / "compare.html").string();
  write_file_atomically(out, compare_report_html(report));
  fmt::print("comparison: {}\n", out);
  return 0;
}

}  // namespace dermis
