#include <fmt/core.h>

#include <memory>
#include <numeric>

#include "core/cli/parse.h"
#include "core/io/atomic_file.h"
#include "data/cmd/verbs.h"
#include "data/inspect/stats_page.h"

namespace dermis {

int run_data_stats(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app("Counts what shards hold and writes a page to look at.", "data stats");
  std::vector<std::string> folders;
  std::string out, tokenizer_path;
  app.add_option("shards", folders, "shard folders")->required();
  app.add_option("--out", out, "HTML file to write")->required();
  app.add_option("--tokenizer", tokenizer_path, "tokenizer.model or model folder: lengths in tokens instead of words");
  if (!parse_arguments(app, arguments)) return 0;
  std::unique_ptr<Tokenizer> tokenizer;
  if (!tokenizer_path.empty()) tokenizer = std::make_unique<Tokenizer>(Tokenizer::load(tokenizer_path));
  const ShardStats stats = count_shards(folders, tokenizer.get());
  write_file_atomically(out, stats_page(stats));
  for (size_t i = 0; i < stats.folders.size(); ++i) {
    fmt::print("{}: {} pictures, {} records, {} turns\n", stats.folders[i], stats.pictures[i], stats.records[i],
               stats.turns[i]);
  }
  fmt::print("wrote {}\n", out);
  return 0;
}

}  // namespace dermis
