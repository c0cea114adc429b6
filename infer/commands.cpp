#include "infer/commands.h"

#include "infer/cmd/verbs.h"

namespace dermis {

void add_infer_commands(CommandTable& table) {
  table.add({"eval", "evaluate a model on a held-out shard folder and write a report", run_eval});
  table.add({"compare", "compare two evaluations on the same questions", run_compare});
  table.add({"ask", "ask a model one question about a picture", run_ask});
  table.add({"demo", "the whole way on generated or real pictures, in minutes", run_demo});
}

}  // namespace dermis
