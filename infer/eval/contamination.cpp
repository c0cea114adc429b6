#include "infer/eval/contamination.h"

#include <fmt/core.h>

#include <filesystem>
#include <set>

#include "core/error.h"
#include "core/io/jsonl.h"
#include "core/io/read_file.h"

namespace dermis {

Contamination check_contamination(const std::string& model_folder, const ShardManifest& held_out) {
  Contamination result;
  const std::string path = (std::filesystem::path(model_folder) / "train_manifest.json").string();
  if (!std::filesystem::exists(path)) return result;
  const nlohmann::ordered_json manifest = parse_json(read_file(path), path);
  if (!manifest.contains("groups") || !manifest.at("groups").is_array()) {
    throw Error(ErrorKind::data, {.what = "the training manifest does not list leakage groups",
                                  .where = path + ", field groups",
                                  .expected = "an array of group names",
                                  .fix = "take the model folder as 'dermis train' wrote it"});
  }
  std::set<std::string> seen;
  for (const auto& group : manifest.at("groups")) seen.insert(group.get<std::string>());
  for (const std::string& group : held_out.groups) {
    if (seen.contains(group)) result.groups.push_back(group);
  }
  result.checked = true;
  return result;
}

void refuse_contamination(const Contamination& contamination, const std::string& shards) {
  if (contamination.groups.empty()) return;
  std::string first;
  for (size_t i = 0; i < std::min<size_t>(5, contamination.groups.size()); ++i)
    first += (i > 0 ? ", " : "") + contamination.groups[i];
  throw Error(ErrorKind::data, {.what = "the model was trained on part of this held-out set",
                                .where = shards,
                                .expected = "no leakage group of the training manifest",
                                .found = fmt::format("{} groups in both, e.g. {}", contamination.groups.size(), first),
                                .fix = "split again ('dermis data split --fix-leaks') before training, or pass "
                                       "--allow-contaminated to get figures marked as such"});
}

}  // namespace dermis
