// Typed configuration trees. A struct lists its fields once, and parse, --set, print, hash and documentation follow:
//
//   struct StageConfig {
//     std::string name = "train";
//     double lr = 1e-3;
//     std::optional<int64_t> steps;            // absent unless set
//     LongText long_text = LongText::drop;     // an enum with EnumTraits
//     std::map<std::string, double> mixing;    // { isic = 1.0, pad = 0.5 }
//     template <class V>
//     void visit(V& v) {
//       v.field("name", name, "what the stage is called in logs", required());
//       v.field("lr", lr, "peak learning rate", between(0, 1));
//       v.field("steps", steps, "optimizer steps", at_least(1));
//       v.field("long_text", long_text, "what happens to records that are too long");
//       v.field("mixing", mixing, "weight of each data set", above(0));
//     }
//   };
//   struct Recipe {
//     int64_t seed = 0;
//     AugmentConfig augment;                   // a struct with visit
//     std::vector<StageConfig> stages;
//     template <class V>
//     void visit(V& v) {
//       v.field("seed", seed, "of every random draw");
//       v.section("augment", augment, "what may happen to pictures");
//       v.list("stages", stages, "one after the other");
//     }
//   };
//
//   auto recipe = resolve_config<Recipe>({{"recipe.toml", read_file("recipe.toml")}}, {"stages[0].lr=1e-4"});
//   recipe.value.stages[0].lr;  recipe.print();  recipe.hash();
//
// Field types: bool, any integer or floating type, std::string, enums with EnumTraits, std::optional, std::vector and
// std::array of these, std::map<std::string, ...>. Sections nest; every member keeps its initialiser as the default.
//
// Errors name file and line (or the --set), key path, what was expected and found: unknown key (with the nearest known
// one), wrong type, out of range, required but not set. Kind: data for a file, usage for --set.
#pragma once

#include <string>
#include <vector>

#include "core/config/apply.h"

namespace dermis {

struct ConfigText {
  std::string name;  // file name, as errors and origins call it
  std::string text;  // TOML
};

template <typename T>
struct ResolvedConfig {
  T value{};
  ConfigOrigins origins;

  // The whole tree as TOML, each value's origin behind it as a comment: default, file:line or --set. Reads back equal.
  std::string print() const { return print_toml(schema(), &origins); }
  std::string print_plain() const { return print_toml(schema(), nullptr); }  // without the comments
  std::string hash() const { return config_hash(schema()); }
  std::map<std::string, std::string> values() const { return config_values(schema()); }

 private:
  ConfigSchema schema() const { return schema_of(const_cast<T&>(value)); }  // visit is not const; printing only reads
};

// Applies the texts in order over the defaults (a list of sections is replaced whole), then the overrides.
template <typename T>
ResolvedConfig<T> resolve_config(const std::vector<ConfigText>& texts, const std::vector<std::string>& overrides = {}) {
  ResolvedConfig<T> config;
  for (const ConfigText& text : texts) {
    apply_toml(schema_of(config.value), parse_toml(text.text, text.name), config.origins);
  }
  for (const std::string& text : overrides) apply_override(schema_of(config.value), text, config.origins);
  check_required(schema_of(config.value), config.origins, texts.empty() ? "defaults" : texts.back().name);
  return config;
}

// Key, type, default and meaning of every field as a Markdown table.
template <typename T>
std::string config_reference() {
  T value{};
  return config_markdown(schema_of(value));
}

}  // namespace dermis
