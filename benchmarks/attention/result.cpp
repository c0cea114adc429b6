#include "benchmarks/attention/result.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace dermis {
namespace {

std::string milliseconds(double seconds) {
  const double ms = seconds * 1e3;
  return ms < 1 ? fmt::format("{:.4f}", ms) : ms < 100 ? fmt::format("{:.2f}", ms) : fmt::format("{:.0f}", ms);
}

std::string range(const TimeSummary& time) {
  return time.median == 0
             ? std::string("-")
             : fmt::format("{} ({} to {})", milliseconds(time.median), milliseconds(time.p10), milliseconds(time.p90));
}

nlohmann::json to_json(const TimeSummary& time) {
  return {{"median_s", time.median}, {"p10_s", time.p10}, {"p90_s", time.p90}};
}

nlohmann::json to_json(const ContenderResult& contender) {
  nlohmann::json json{{"name", contender.name}};
  if (!contender.failure.empty()) {
    json["failure"] = contender.failure;
    return json;
  }
  json["error"] = contender.error;
  json["warm"] = to_json(contender.warm);
  if (contender.cold.median > 0) json["cold"] = to_json(contender.cold);
  return json;
}

// Every contender of every row, with what kept it from running.
std::string all_contenders(const AttentionBenchResult& result) {
  std::string text = "\n## Every contender\n\n| workload | pass | contender | warm ms | cold ms | note |\n";
  text += "| --- | --- | --- | ---: | ---: | --- |\n";
  for (const AttentionBenchRow& row : result.rows)
    for (const ContenderResult& contender : row.contenders)
      text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", row.workload, row.pass, contender.name,
                          range(contender.warm), range(contender.cold), contender.failure);
  return text;
}

}  // namespace

TimeSummary summarize(std::vector<double> seconds) {
  if (seconds.empty()) return {};
  std::sort(seconds.begin(), seconds.end());
  const auto at = [&](double share) {
    return seconds[static_cast<size_t>(std::lround(share * static_cast<double>(seconds.size() - 1)))];
  };
  return {at(0.5), at(0.1), at(0.9)};
}

const ContenderResult* AttentionBenchRow::best_rival() const {
  const ContenderResult* best = nullptr;
  for (size_t i = 1; i < contenders.size(); ++i) {
    const ContenderResult& rival = contenders[i];
    if (rival.failure.empty() && rival.warm.median > 0 && (best == nullptr || rival.warm.median < best->warm.median))
      best = &rival;
  }
  return best;
}

double AttentionBenchRow::ratio() const {
  const ContenderResult* rival = best_rival();
  return rival == nullptr || ours().warm.median == 0 ? 0 : rival->warm.median / ours().warm.median;
}

std::vector<std::pair<std::string, double>> training_ratios(const AttentionBenchResult& result) {
  std::vector<std::pair<std::string, double>> ratios;
  for (const AttentionBenchRow& forward : result.rows) {
    const auto backward = std::find_if(result.rows.begin(), result.rows.end(), [&](const AttentionBenchRow& row) {
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

std::string markdown(const AttentionBenchResult& result) {
  std::string text = fmt::format("# Attention: {}\n\nCommit {}, {}, LibTorch {}, {} rounds.", result.device,
                                 result.commit, result.date, result.libtorch, result.rounds);
  for (const Ceiling& ceiling : result.ceilings)
    text += fmt::format(" {} of this run: {:.1f} {}.", ceiling.name, ceiling.value, ceiling.unit);
  text +=
      "\n\nRates count the true head size and the visible pairs only; ratios are the fastest rival's time over ours, "
      "interleaved in one process.\n\n"
      "| workload | pass | dtype | ms (p10 to p90) | cold ms | rate | of limit | fastest rival | its ms | ratio |\n"
      "| --- | --- | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |\n";
  for (const AttentionBenchRow& row : result.rows) {
    const ContenderResult* rival = row.best_rival();
    const double achieved = row.achieved(row.ours().warm);
    text += fmt::format("| {} | {} | {} | {} | {} | {:.1f} {} | {:.0f} % of {} | {} | {} | {} |\n", row.title, row.pass,
                        row.dtype, range(row.ours().warm), range(row.ours().cold), achieved, row.unit,
                        row.limit > 0 ? 100 * achieved * row.scale / row.limit : 0, row.limit_name,
                        rival == nullptr ? "none" : rival->name, rival == nullptr ? "-" : range(rival->warm),
                        rival == nullptr ? "-" : fmt::format("{:.2f}", row.ratio()));
  }
  const auto ratios = training_ratios(result);
  if (!ratios.empty()) text += "\nForward and backward together, fastest rival over ours:";
  for (const auto& [workload, ratio] : ratios) text += fmt::format(" {} {:.2f};", workload, ratio);
  if (!ratios.empty()) text.back() = '\n';
  return text + all_contenders(result);
}

nlohmann::json to_json(const AttentionBenchResult& result) {
  nlohmann::json json{{"benchmark", "attention"}, {"device", result.device},     {"commit", result.commit},
                      {"date", result.date},      {"libtorch", result.libtorch}, {"rounds", result.rounds}};
  for (const Ceiling& ceiling : result.ceilings)
    json["ceilings"].push_back({{"name", ceiling.name}, {"value", ceiling.value}, {"unit", ceiling.unit}});
  json["rows"] = nlohmann::json::array();
  for (const AttentionBenchRow& row : result.rows) {
    nlohmann::json entry{{"workload", row.workload},
                         {"title", row.title},
                         {"pass", row.pass},
                         {"dtype", row.dtype},
                         {"work", row.work},
                         {"limit", row.limit},
                         {"limit_name", row.limit_name},
                         {"unit", row.unit},
                         {"achieved", row.achieved(row.ours().warm)},
                         {"contenders", nlohmann::json::array()}};
    if (row.best_rival() != nullptr) {
      entry["fastest_rival"] = row.best_rival()->name;
      entry["ratio"] = row.ratio();
    }
    for (const ContenderResult& contender : row.contenders) entry["contenders"].push_back(to_json(contender));
    json["rows"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace dermis
