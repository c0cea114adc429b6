#include "core/log/run_log.h"
#include "infer/report/charts.h"

namespace dermis {

std::vector<Series> loss_curves_of(const std::string& run_folder, const std::string& prefix) {
  const auto scalars = read_scalars(run_folder);
  std::vector<Series> curves;
  for (const std::string name : {"train", "validation"}) {
    const auto found = scalars.find(name + "/loss");
    if (found == scalars.end()) continue;
    Series series{prefix + name, {}};
    for (const auto& point : found->second) series.points.emplace_back(static_cast<double>(point.step), point.value);
    curves.push_back(std::move(series));
  }
  return curves;
}

}  // namespace dermis
