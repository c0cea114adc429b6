#include <fmt/core.h>

#include "core/cli/parse.h"
#include "train/cmd/train.h"
#include "train/recipe/recipe.h"

namespace dermis {

int config_print_command(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app("Shows every value of a recipe with its origin: default, file and line, or --set", "config print");
  std::string recipe;
  bool reference = false;
  std::vector<std::string> overrides;
  app.add_option("RECIPE", recipe, "TOML file, or the name of an embedded recipe");
  app.add_option("--set", overrides, "override a value, e.g. --set 'stages[0].minutes=10'")->allow_extra_args(false);
  app.add_flag("--reference", reference, "instead: a Markdown table of all keys with type, default and meaning");
  if (!parse_arguments(app, arguments)) return 0;
  if (reference) {
    fmt::print("{}", config_reference<Recipe>());
    return 0;
  }
  if (recipe.empty()) {
    for (const std::string& name : embedded_recipe_names()) fmt::print("{}\n", name);
    return 0;
  }
  fmt::print("{}", read_recipe(recipe, overrides).print());
  return 0;
}

}  // namespace dermis
