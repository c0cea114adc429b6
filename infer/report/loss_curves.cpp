#include <filesystem>

#include "core/error.h"
#include "core/io/jsonl.h"
#include "infer/report/eval_report.h"

namespace dermis {

std::vector<Series> loss_curves_of(const std::string& run_folder, const std::string& prefix) {
  Series training{prefix + "training", {}};
  Series validation{prefix + "validation", {}};
  const std::string path = (std::filesystem::path(run_folder) / "log.jsonl").string();
  for_each_jsonl(
      path,
      [&](const JsonlLine& line) {
        const std::string event = line.json.value("event", "");
        if ((event != "step" && event != "validation") || !line.json.contains("loss") ||
            !line.json.at("loss").is_number())
          return;
        Series& series = event == "step" ? training : validation;
        series.points.emplace_back(line.json.value("step", 0.0), line.json.at("loss").get<double>());
      },
      TornLine::skip);
  std::vector<Series> curves;
  for (Series* series : {&training, &validation}) {
    if (!series->points.empty()) curves.push_back(std::move(*series));
  }
  return curves;
}

}  // namespace dermis
