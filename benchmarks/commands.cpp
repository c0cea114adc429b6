#include "benchmarks/commands.h"

namespace dermis {

void add_benchmark_commands(CommandTable&) {}

}  // namespace dermis
