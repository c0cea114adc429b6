#include "core/log/run_log.h"

#include <cmath>
#include <limits>

#include "core/process.h"

namespace dermis {
namespace {

using Json = nlohmann::ordered_json;

Json finite_or_text(double value) {  // JSON has neither NaN nor infinity
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

bool read_number(const Json& json, double& value) {
  if (json.is_number()) {
    value = json.get<double>();
    return true;
  }
  if (json == "NaN") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (json == "inf" || json == "-inf") {
    value = json == "inf" ? HUGE_VAL : -HUGE_VAL;
  } else {
    return false;
  }
  return true;
}

}  // namespace

RunLog::RunLog(const std::string& folder, int64_t resumed_at)
    : lines_(folder + "/log.jsonl"), events_(folder, resumed_at > 0 ? resumed_at + 1 : 0) {
  if (resumed_at > 0) event("resumed", resumed_at);
}

void RunLog::scalars(int64_t step, const Scalars& values) {
  Json line{{"time", utc_time()}, {"step", step}};
  for (const auto& [tag, value] : values) {
    line[tag] = finite_or_text(value);
    events_.scalar(step, tag, value);
  }
  lines_.append(line);
}

void RunLog::text(int64_t step, const std::string& tag, const std::string& markdown) {
  lines_.append({{"time", utc_time()}, {"event", "text"}, {"step", step}, {"tag", tag}, {"text", markdown}});
  events_.text(step, tag, markdown);
}

void RunLog::event(const std::string& name, int64_t step, const Json& facts) {
  Json line{{"time", utc_time()}, {"event", name}, {"step", step}};
  for (const auto& [key, value] : facts.items()) line[key] = value;
  lines_.append(line);
}

std::map<std::string, std::vector<ScalarPoint>> read_scalars(const std::string& folder) {
  std::map<std::string, std::map<int64_t, double>> curves;
  for_each_jsonl(
      folder + "/log.jsonl",
      [&](const JsonlLine& line) {
        const auto step = line.json.find("step");
        if (step == line.json.end() || !step->is_number_integer()) return;
        const int64_t at = step->get<int64_t>();
        if (line.json.contains("event")) {
          if (line.json["event"] != "resumed") return;
          for (auto& [tag, points] : curves) points.erase(points.upper_bound(at), points.end());
          return;
        }
        for (const auto& [key, json] : line.json.items()) {
          double value = 0;
          if (key != "step" && read_number(json, value)) curves[key][at] = value;
        }
      },
      TornLine::skip);
  std::map<std::string, std::vector<ScalarPoint>> result;
  for (const auto& [tag, points] : curves) {
    for (const auto& [step, value] : points) result[tag].push_back({step, value});
  }
  return result;
}

}  // namespace dermis
