#include "train/checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "core/io/atomic_file.h"
#include "core/io/atomic_folder.h"
#include "core/io/hash.h"
#include "core/io/jsonl.h"
#include "core/io/mmap_file.h"
#include "core/io/read_file.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;
constexpr const char* kManifest = "manifest.json";
constexpr const char* kStep = "step-";
constexpr const char* kBest = "best-";

std::string file_hash(const std::string& path) {
  const MmapFile file(path);
  return to_hex(xxh3(file.bytes()));
}

std::string folder_name(const char* prefix, int64_t step) { return fmt::format("{}{:09}", prefix, step); }

nlohmann::ordered_json read_json(const std::string& path) { return parse_json(read_file(path), path); }

}  // namespace

CheckpointStore::CheckpointStore(const std::string& folder, int keep) : folder_(folder), keep_(keep) {
  make_folder(folder);
}

void CheckpointStore::write(int64_t step, const CheckpointContent& content) {
  write_folder(folder_name(kStep, step), content);
  torn_.erase(step);
  auto all = list(kStep);
  std::reverse(all.begin(), all.end());
  int kept = 0;
  for (const auto& [found, path] : all) {
    if (kept == keep_) {
      fs::remove_all(path);
    } else {
      kept += torn_.contains(found) ? 0 : 1;
    }
  }
}

void CheckpointStore::write_best(int64_t step, const CheckpointContent& content) {
  write_folder(folder_name(kBest, step), content);
}

std::string CheckpointStore::best_folder(int64_t step) const {
  return (fs::path(folder_) / folder_name(kBest, step)).string();
}

void CheckpointStore::keep_only_best(int64_t step) {
  for (const auto& [found, path] : list(kBest)) {
    if (found != step) fs::remove_all(path);
  }
}

void CheckpointStore::write_folder(const std::string& name, const CheckpointContent& content) {
  // A folder of this name was left by a run that was killed after this step and resumed before it: it is replaced.
  AtomicFolder part((fs::path(folder_) / name).string(), IfExists::replace);
  nlohmann::ordered_json files = nlohmann::ordered_json::object();
  const auto finish = [&](const char* file) {
    files[file] = {{"bytes", fs::file_size(part / file)}, {"xxh3", file_hash(part / file)}};
  };
  for (const auto& [file, tensors] :
       {std::pair{"weights.safetensors", &content.weights}, std::pair{"optimizer.safetensors", &content.optimizer},
        std::pair{"average.safetensors", &content.average}}) {
    if (tensors->empty()) continue;
    write_tensors(part / file, *tensors);
    finish(file);
  }
  write_file_atomically(part / "state.json", content.state.dump(1) + "\n");
  finish("state.json");
  write_file_atomically(part / kManifest, nlohmann::ordered_json{{"files", files}}.dump(1) + "\n");
  part.commit();
}

std::vector<std::pair<int64_t, std::string>> CheckpointStore::list(const std::string& prefix) const {
  std::vector<std::pair<int64_t, std::string>> found;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    int64_t step = 0;
    if (!name.starts_with(prefix)) continue;
    const char* end = name.data() + name.size();
    const auto [last, status] = std::from_chars(name.data() + prefix.size(), end, step);
    if (status == std::errc() && last == end) found.emplace_back(step, entry.path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string CheckpointStore::fault(const std::string& folder) {
  try {
    const auto manifest = read_json((fs::path(folder) / kManifest).string());
    for (const auto& [name, facts] : manifest.at("files").items()) {
      const std::string path = (fs::path(folder) / name).string();
      std::error_code code;
      const auto bytes = fs::file_size(path, code);
      if (code) return name + " is missing";
      if (bytes != facts.at("bytes").get<uint64_t>()) {
        return fmt::format("{} has {} of {} bytes", name, bytes, facts.at("bytes").get<uint64_t>());
      }
      if (file_hash(path) != facts.at("xxh3").get<std::string>()) return name + " differs from its hash";
    }
    return manifest.at("files").contains("state.json") ? "" : "manifest.json names no state.json";
  } catch (const std::exception& error) {
    return fmt::format("{} cannot be read: {}", kManifest, error.what());
  }
}

std::optional<CheckpointStore::Found> CheckpointStore::newest(std::vector<std::string>& notes) {
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(".") && name.ends_with(".part")) {
      notes.push_back("removed an unfinished checkpoint: " + entry.path().string());
      fs::remove_all(entry.path());
    }
  }
  auto all = list(kStep);
  std::reverse(all.begin(), all.end());
  for (const auto& [step, path] : all) {
    const std::string wrong = fault(path);
    if (wrong.empty()) return Found{path, step, read_json((fs::path(path) / "state.json").string())};
    torn_.insert(step);
    notes.push_back(fmt::format("passed over a torn checkpoint: {}: {}", path, wrong));
  }
  return std::nullopt;
}

}  // namespace dermis
