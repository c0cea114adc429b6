#include "train/commands.h"

namespace dermis {

void add_train_commands(CommandTable&) {}

}  // namespace dermis
