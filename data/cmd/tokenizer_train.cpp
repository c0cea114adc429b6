#include <fmt/core.h>

#include <filesystem>

#include "core/cli/parse.h"
#include "core/interrupt.h"
#include "core/io/atomic_file.h"
#include "data/cmd/verbs.h"
#include "data/shard/build_shards.h"
#include "data/text/train_tokenizer.h"

namespace dermis {
namespace {

void add_texts(const std::vector<Record>& records, std::vector<std::string>& texts) {
  for (const auto& record : records) {
    for (const auto& turn : record.turns) {
      texts.push_back(turn.question);
      texts.push_back(turn.answer);
    }
  }
}

std::vector<std::string> read_texts(const std::vector<std::string>& paths) {
  std::vector<std::string> texts;
  for (const auto& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      add_texts(read_records(path), texts);
      continue;
    }
    const ShardReader reader(path);
    for (int64_t i = 0; i < reader.size(); ++i) {
      throw_if_interrupted("nothing was written");
      add_texts(reader.read_text(i).records, texts);
    }
  }
  return texts;
}

}  // namespace

int run_tokenizer_train(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app("Trains a SentencePiece tokenizer (BPE, byte fallback) on the questions and answers of records.",
               "tokenizer train");
  std::vector<std::string> inputs;
  std::string out;
  int32_t vocabulary = 1024;
  app.add_option("inputs", inputs, "records files or shard folders")->required();
  app.add_option("--vocabulary", vocabulary, "pieces, control words and bytes included")->capture_default_str();
  app.add_option("--out", out, "tokenizer.model to write")->required();
  if (!parse_arguments(app, arguments)) return 0;
  const auto texts = read_texts(inputs);
  throw_if_interrupted("nothing was written");
  const TokenizerTraining trained = [&] {
    const InterruptsAtOnce stop;  // SentencePiece trains in one call
    return train_tokenizer(texts, vocabulary);
  }();
  write_file_atomically(out, trained.model);
  fmt::print("{}: {} pieces from {} texts\n", out, trained.vocabulary, texts.size());
  if (trained.vocabulary < vocabulary) {
    fmt::print("the texts yield no more than {} pieces; {} were asked for\n", trained.vocabulary, vocabulary);
  }
  return 0;
}

}  // namespace dermis
