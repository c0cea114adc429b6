#include "models/weights/checkpoint_files.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <set>

#include "core/error.h"
#include "models/weights/hf_json.h"

namespace dermis {
namespace {

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

[[noreturn]] void no_weights(const std::filesystem::path& folder) {
  std::string found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".bin" || extension == ".safetensors" || extension == ".gguf" || extension == ".npz")
      found += (found.empty() ? "" : ", ") + entry.path().filename().string();
  }
  throw Error(ErrorKind::data, {.what = "The model folder holds no weights that dermis reads",
                                .where = folder.string(),
                                .expected = fmt::format("{}, or {} and its shards", kSingle, kIndex),
                                .found = found.empty() ? "no weight file" : found,
                                .fix = "save the model in safetensors form (save_pretrained of transformers does)"});
}

// Names in an index come from outside: one that leaves the folder must not be opened.
std::string shard_path(const std::filesystem::path& folder, const std::string& name, const std::string& index) {
  const bool plain = !name.empty() && name != "." && name != ".." &&
                     name.find_first_of(std::string("/\\\0", 3)) == std::string::npos && name.ends_with(".safetensors");
  if (plain) return (folder / name).string();
  throw Error(ErrorKind::data,
              {.what = "The weight index names a file outside the model folder",
               .where = index + ", weight_map",
               .expected = "a plain file name that ends in .safetensors",
               .found = name,
               .fix = "do not use this folder unless you trust where it came from; correct the index"});
}

// File name -> tensors that the index promises in it.
std::map<std::string, std::set<std::string>> read_index(const std::string& path) {
  const nlohmann::json json = read_json_object(path);
  const auto map = json.find("weight_map");
  std::map<std::string, std::set<std::string>> promised;
  const bool usable = map != json.end() && map->is_object() && !map->empty();
  if (usable) {
    for (const auto& [tensor, file] : map->items()) {
      if (!file.is_string()) HfJson(*map, path, "weight_map.").reject(tensor, "a file name", "take the original index");
      promised[file.get<std::string>()].insert(tensor);
    }
    return promised;
  }
  HfJson(json, path).reject("weight_map", "an object of tensor names and file names", "take the original index");
}

}  // namespace

CheckpointFiles CheckpointFiles::open(const std::string& folder) {
  const std::filesystem::path root(folder);
  CheckpointFiles checkpoint;
  std::map<std::string, std::set<std::string>> promised;
  if (std::filesystem::exists(root / kSingle)) {
    checkpoint.files_.push_back(SafetensorsFile::open((root / kSingle).string()));
  } else if (std::filesystem::exists(root / kIndex)) {
    const std::string index = (root / kIndex).string();
    promised = read_index(index);
    for (const auto& [name, tensors] : promised)
      checkpoint.files_.push_back(SafetensorsFile::open(shard_path(root, name, index)));
  } else {
    no_weights(root);
  }

  std::map<std::string, std::string> seen;
  for (const SafetensorsFile& file : checkpoint.files_) {
    for (const TensorView& tensor : file.tensors()) {
      const auto [first, inserted] = seen.emplace(tensor.name, file.path());
      if (!inserted) {
        throw Error(ErrorKind::data, {.what = "A tensor lies in two shards",
                                      .where = file.path() + ", " + tensor.name,
                                      .expected = "every tensor once",
                                      .found = "also in " + first->second,
                                      .fix = "remove the shards that do not belong to this index"});
      }
      checkpoint.entries_.push_back({&tensor, &file.path()});
    }
  }
  for (const auto& [name, tensors] : promised) {
    for (const std::string& tensor : tensors) {
      const auto found = seen.find(tensor);
      if (found != seen.end() && std::filesystem::path(found->second).filename() == name) continue;
      throw Error(ErrorKind::data, {.what = "A shard lacks a tensor that the index promises",
                                    .where = (root / name).string() + ", " + tensor,
                                    .expected = "the tensor, as weight_map says",
                                    .found = found == seen.end() ? "absent" : "it lies in " + found->second,
                                    .fix = "fetch the shards and the index again, from one version of the model"});
    }
  }
  return checkpoint;
}

}  // namespace dermis
