#include "infer/commands.h"

namespace dermis {

void add_infer_commands(CommandTable&) {}

}  // namespace dermis
