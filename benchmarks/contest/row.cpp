#include "benchmarks/contest/row.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace dermis {
namespace {

std::string milliseconds(double seconds) {
  const double ms = seconds * 1e3;
  return ms < 1 ? fmt::format("{:.4f}", ms) : ms < 100 ? fmt::format("{:.2f}", ms) : fmt::format("{:.0f}", ms);
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

nlohmann::json to_json(const ContestRow& row) {
  nlohmann::json json{{"workload", row.workload},
                      {"title", row.title},
                      {"pass", row.pass},
                      {"dtype", row.dtype},
                      {"work", row.work},
                      {"limit", row.limit},
                      {"limit_name", row.limit_name},
                      {"unit", row.unit},
                      {"achieved", row.achieved(row.ours().warm)},
                      {"share", row.share()},
                      {"contenders", nlohmann::json::array()}};
  if (row.bytes > 0) json["bytes"] = row.bytes;
  if (row.best_rival() != nullptr) {
    json["fastest_rival"] = row.best_rival()->name;
    json["ratio"] = row.ratio();
  }
  for (const ContenderResult& contender : row.contenders) json["contenders"].push_back(to_json(contender));
  return json;
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

std::string describe(const TimeSummary& time) {
  return time.median == 0
             ? std::string("-")
             : fmt::format("{} ({} to {})", milliseconds(time.median), milliseconds(time.p10), milliseconds(time.p90));
}

const ContenderResult* ContestRow::best_rival() const {
  const ContenderResult* best = nullptr;
  for (size_t i = 1; i < contenders.size(); ++i) {
    const ContenderResult& rival = contenders[i];
    if (rival.warm.median > 0 && (best == nullptr || rival.warm.median < best->warm.median)) best = &rival;
  }
  return best;
}

double ContestRow::ratio() const {
  const ContenderResult* rival = best_rival();
  return rival == nullptr || ours().warm.median == 0 ? 0 : rival->warm.median / ours().warm.median;
}

std::string heading(const std::string& title, const ContestResult& result) {
  std::string text = fmt::format("# {}: {}\n\nCommit {}, {}, LibTorch {}, {} rounds.", title, result.device,
                                 result.commit, result.date, result.libtorch, result.rounds);
  for (const Ceiling& ceiling : result.ceilings)
    text += fmt::format(" {} of this run: {:.1f} {}.", ceiling.name, ceiling.value, ceiling.unit);
  return text + "\n\n";
}

std::string rival_cells(const ContestRow& row) {
  const ContenderResult* rival = row.best_rival();
  if (rival == nullptr) return "none | - | -";
  return fmt::format("{} | {} | {:.2f}", rival->name, describe(rival->warm), row.ratio());
}

std::string all_contenders(const ContestResult& result) {
  std::string text = "\n## Every contender\n\n| workload | pass | contender | warm ms | cold ms | note |\n";
  text += "| --- | --- | --- | ---: | ---: | --- |\n";
  for (const ContestRow& row : result.rows)
    for (const ContenderResult& contender : row.contenders)
      text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", row.workload, row.pass, contender.name,
                          describe(contender.warm), describe(contender.cold), contender.failure);
  return text;
}

nlohmann::json to_json(const std::string& benchmark, const ContestResult& result) {
  nlohmann::json json{{"benchmark", benchmark}, {"device", result.device},     {"commit", result.commit},
                      {"date", result.date},    {"libtorch", result.libtorch}, {"rounds", result.rounds}};
  for (const Ceiling& ceiling : result.ceilings)
    json["ceilings"].push_back({{"name", ceiling.name}, {"value", ceiling.value}, {"unit", ceiling.unit}});
  json["rows"] = nlohmann::json::array();
  for (const ContestRow& row : result.rows) json["rows"].push_back(to_json(row));
  return json;
}

std::vector<std::string> failed_rows(const ContestResult& result) {
  std::vector<std::string> failed;
  for (const ContestRow& row : result.rows)
    if (row.failed()) failed.push_back(fmt::format("{}, {}: {}", row.workload, row.pass, row.ours().failure));
  return failed;
}

void refuse_failures(const std::string& command, const ContestResult& result) {
  const std::vector<std::string> failed = failed_rows(result);
  if (failed.empty()) return;
  throw Error(ErrorKind::internal, {.what = fmt::format("{} of {} rows failed", failed.size(), result.rows.size()),
                                    .where = command,
                                    .expected = "our results to be those of the reference",
                                    .found = fmt::format("{}", fmt::join(failed, "; ")),
                                    .fix = "run 'dermis selftest', and report what it prints"});
}

}  // namespace dermis
