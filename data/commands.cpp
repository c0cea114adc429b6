#include "data/commands.h"

namespace dermis {

void add_data_commands(CommandTable&) {}

}  // namespace dermis
