#include "benchmarks/timing.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/version.h"

namespace dermis {

namespace {

double seconds_of(const std::function<void()>& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string milliseconds(double seconds) {
  const double ms = seconds * 1e3;
  return ms < 1 ? fmt::format("{:.3f}", ms) : ms < 100 ? fmt::format("{:.2f}", ms) : fmt::format("{:.0f}", ms);
}

}  // namespace

double Samples::quantile(double share) const {
  if (seconds_.empty()) return 0;
  std::vector<double> sorted = seconds_;
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<size_t>(std::lround(share * static_cast<double>(sorted.size() - 1)))];
}

double Samples::ratio_of(const Samples& other) const {
  Samples ratios;
  for (size_t i = 0; i < std::min(seconds_.size(), other.seconds_.size()); ++i) {
    ratios.add(other.seconds_[i] / seconds_[i]);
  }
  return ratios.median();
}

std::vector<Samples> run_interleaved(const std::vector<std::function<void()>>& contenders, int rounds) {
  std::vector<Samples> samples(contenders.size());
  for (const auto& contender : contenders) contender();
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < contenders.size(); ++i) {
      const size_t index = (i + static_cast<size_t>(round)) % contenders.size();
      samples[index].add(seconds_of(contenders[index]));
    }
  }
  return samples;
}

int calls_per_sample(const std::function<void()>& call, double seconds) {
  call();
  const double once = std::min(seconds_of(call), seconds_of(call));
  return std::max(1, static_cast<int>(std::ceil(seconds / std::max(once, 1e-9))));
}

std::string describe(const BenchmarkReport& report) {
  std::string text = fmt::format("{}: {}, commit {}\n\n", report.benchmark, report.device, commit());
  text += fmt::format("| size | dtype | median ms | p10 | p90 | {} | of {} | peer | peer ms | ratio |\n", report.unit,
                      report.limit_name);
  text += "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: |\n";
  std::string lines;
  for (const BenchmarkRow& row : report.rows) {
    const bool peer = !row.peer.empty();
    text += fmt::format("| {} | {} | {} | {} | {} | {:.1f} | {} | {} | {} | {} |\n", row.size, row.dtype,
                        milliseconds(row.time_s), milliseconds(row.p10_s), milliseconds(row.p90_s), row.achieved,
                        row.fraction == 0 ? "" : fmt::format("{:.0f} %", 100 * row.fraction), row.peer,
                        peer ? milliseconds(row.peer_s) : "", peer ? fmt::format("{:.2f}", row.ratio) : "");
    nlohmann::json line{
        {"benchmark", report.benchmark}, {"size", row.size},     {"dtype", row.dtype}, {"commit", commit()},
        {"device", report.device},       {"time_s", row.time_s}, {"p10_s", row.p10_s}, {"p90_s", row.p90_s},
        {"achieved", row.achieved},      {"unit", report.unit}};
    if (row.fraction != 0) {
      line["limit_name"] = report.limit_name;
      line["fraction"] = row.fraction;
    }
    if (peer) {
      line["peer"] = row.peer;
      line["peer_s"] = row.peer_s;
      line["ratio"] = row.ratio;
    }
    lines += line.dump() + "\n";
  }
  return text + "\n" + lines;
}

}  // namespace dermis
