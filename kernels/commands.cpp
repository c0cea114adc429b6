#include "kernels/commands.h"

namespace dermis {

void add_kernel_commands(CommandTable&) {}

}  // namespace dermis
