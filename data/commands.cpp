#include "data/commands.h"

#include "data/cmd/verbs.h"

namespace dermis {

void add_data_commands(CommandTable& table) {
  table.add({"data generate", "draw practice images with known attributes", run_data_generate});
  table.add({"data import", "read pictures and tables of a source into items", run_data_import});
  table.add({"data split", "leakage groups, and train, val and test from them", run_data_split});
  table.add({"data synth", "questions and answers about items", run_data_synth});
  table.add({"data shard", "items and records into WebDataset shards with an index", run_data_shard});
  table.add({"data check", "what would break training before training", run_data_check});
  table.add({"data show", "samples with the loss mask, and a contact sheet", run_data_show});
  table.add({"data stats", "a page of counts, lengths, words and licences", run_data_stats});
  table.add({"tokenizer train", "a SentencePiece tokenizer from the text of records", run_tokenizer_train});
}

}  // namespace dermis
