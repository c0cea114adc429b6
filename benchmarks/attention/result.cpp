#include "benchmarks/attention/result.h"

#include <fmt/format.h>

#include <algorithm>

namespace dermis {

std::vector<std::pair<std::string, double>> training_ratios(const ContestResult& result) {
  std::vector<std::pair<std::string, double>> ratios;
  for (const ContestRow& forward : result.rows) {
    const auto backward = std::find_if(result.rows.begin(), result.rows.end(), [&](const ContestRow& row) {
      return row.workload == forward.workload && row.pass == "backward";
    });
    if (forward.pass != "forward" || backward == result.rows.end()) continue;
    double best = 0;  // seconds of the rival that is fastest in both passes together
    for (size_t i = 1; i < std::min(forward.contenders.size(), backward->contenders.size()); ++i) {
      const ContenderResult &a = forward.contenders[i], &b = backward->contenders[i];
      if (!a.failure.empty() || !b.failure.empty() || a.name != b.name) continue;
      const double both = a.warm.median + b.warm.median;
      if (best == 0 || both < best) best = both;
    }
    const double ours = forward.ours().warm.median + backward->ours().warm.median;
    if (best > 0 && ours > 0) ratios.emplace_back(forward.workload, best / ours);
  }
  return ratios;
}

std::string attention_markdown(const ContestResult& result) {
  std::string text = heading("Attention", result);
  text +=
      "Rates count the true head size and the visible pairs only; ratios are the fastest rival's time over ours, "
      "interleaved in one process.\n\n"
      "| workload | pass | dtype | ms (p10 to p90) | cold ms | rate | of limit | fastest rival | its ms | ratio |\n"
      "| --- | --- | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |\n";
  for (const ContestRow& row : result.rows)
    text += fmt::format("| {} | {} | {} | {} | {} | {:.1f} {} | {:.0f} % of {} | {} |\n", row.title, row.pass,
                        row.dtype, describe(row.ours().warm), describe(row.ours().cold), row.achieved(row.ours().warm),
                        row.unit, 100 * row.share(), row.limit_name, rival_cells(row));
  const auto ratios = training_ratios(result);
  if (!ratios.empty()) text += "\nForward and backward together, fastest rival over ours:";
  for (const auto& [workload, ratio] : ratios) text += fmt::format(" {} {:.2f};", workload, ratio);
  if (!ratios.empty()) text.back() = '\n';
  return text + all_contenders(result);
}

}  // namespace dermis
