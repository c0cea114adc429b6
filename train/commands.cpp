#include "train/commands.h"

#include "train/cmd/train.h"

namespace dermis {

void add_train_commands(CommandTable& table) {
  table.add({"train", "train a model by a recipe, or go on with a run", train_command});
  table.add({"config print", "show every value of a recipe with its origin", config_print_command});
}

}  // namespace dermis
