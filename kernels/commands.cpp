#include "kernels/commands.h"

#include "kernels/cmd/verbs.h"

namespace dermis {

void add_kernel_commands(CommandTable& table) {
  table.add({"doctor", "show this machine, its devices and the path of every operator", run_doctor});
  table.add({"selftest", "compare every operator with fp64 references on this machine", run_selftest_command});
}

}  // namespace dermis
