// A complete little training set on disk: shards of coloured squares whose question is the colour, a tokenizer, a
// recipe.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "data/image/encode.h"
#include "data/shard/shard.h"
#include "data/text/train_tokenizer.h"

namespace dermis::testing {

inline ShardSample square(int index, const std::string& split) {
  const bool red = index % 2 == 0;
  const auto bright = static_cast<uint8_t>(200 + index % 50);
  Image pixels{16, 16, std::vector<uint8_t>(16 * 16 * 3, 40)};
  for (size_t i = red ? 0 : 2; i < pixels.rgb.size(); i += 3) pixels.rgb[i] = bright;
  ShardSample sample;
  sample.key = split + "_" + std::to_string(index);
  sample.extension = "png";
  sample.image = encode_png(pixels);
  sample.item.id = sample.key;
  sample.item.image = sample.key + ".png";
  sample.item.group = split + "_group_" + std::to_string(index);
  sample.item.split = split;
  sample.item.source = "squares";
  sample.item.label = red ? "red" : "blue";
  sample.item.width = sample.item.height = 16;
  Record record;
  record.id = sample.key + "/colour/0";
  record.item = sample.key;
  record.group = sample.item.group;
  record.split = split;
  record.source = "squares";
  record.label = sample.item.label;
  record.question_type = "colour";
  record.turns = {{"what colour is it?", sample.item.label, {"red", "blue"}}};
  sample.records = {record};
  return sample;
}

// `change` may alter each record; `field`: the pack that the shards say they were made with.
inline void write_squares(const std::string& folder, int count, const std::string& split,
                          const std::function<void(Record&)>& change = {}, const std::string& field = "") {
  ShardWriter writer(folder, 1 << 20);
  ShardManifest facts;
  facts.split = split;
  facts.field = field;
  for (int i = 0; i < count; ++i) {
    ShardSample sample = square(i, split);
    if (change) change(sample.records[0]);
    writer.add(sample);
    facts.groups.push_back(split + "_group_" + std::to_string(i));
  }
  facts.labels = {"blue", "red"};
  writer.finish(facts);
}

// FOLDER/train, FOLDER/val and FOLDER/tokenizer.model.
inline void write_training_set(const std::filesystem::path& folder) {
  write_squares((folder / "train").string(), 12, "train");
  write_squares((folder / "val").string(), 4, "val");
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.emplace_back("what colour is it? red or blue");
  std::ofstream(folder / "tokenizer.model", std::ios::binary) << train_tokenizer(texts, 320).model;
}

// `stage`: TOML lines of the only stage, its length among them.
inline std::string squares_recipe(const std::filesystem::path& folder, const std::string& stage,
                                  const std::string& top = "") {
  const std::string base = folder.string();
  return "seed = 3\nthreads = 1\n" + top + "[model]\npreset = \"demo\"\ntokenizer = \"" + base +
         "/tokenizer.model\"\n[model.geometry]\nimage_size = 16\npatch_size = 8\nvision_hidden = 16\nvision_mlp = 32\n"
         "vision_layers = 1\nvision_heads = 2\nhidden = 16\nmlp = 32\nlayers = 1\nheads = 2\nkv_heads = 1\nhead_size = "
         "8\n[[stages]]\nname = \"only\"\n" +
         stage + "\n[[stages.data]]\nshards = \"" + base + "/train\"\n[stages.validation]\nshards = [\"" + base +
         "/val\"]\ntimes = 4\n";
}

}  // namespace dermis::testing
