#include <fmt/core.h>

#include <memory>

#include "core/cli/checks.h"
#include "core/cli/parse.h"
#include "data/cmd/verbs.h"
#include "data/inspect/shard_check.h"

namespace dermis {
namespace {

constexpr int kDefectsFound = 3;

void print_findings(const ShardCheck& check, int listed) {
  for (const auto& [kind, count] : check.count_by_kind()) {
    fmt::print("\n{}: {}\n", kind, count);
    int printed = 0;
    for (const auto& finding : check.findings) {
      if (finding.kind != kind) continue;
      if (printed++ == listed) break;
      fmt::print("  {}: {}\n", finding.where, finding.what);
    }
    if (count > listed) fmt::print("  ... and {} more (--list {})\n", count - listed, count);
  }
}

}  // namespace

int run_data_check(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app("Says what would break training; exit code 3 when something would.", "data check");
  std::vector<std::string> folders;
  std::string tokenizer_path, field = "dermatology";
  ShardCheckOptions options;
  int listed = 10;
  app.add_option("shards", folders, "shard folders")->required();
  app.add_option("--tokenizer", tokenizer_path, "tokenizer.model or model folder: checks lengths and characters too");
  app.add_option("--field", field, "field pack, by which answers are held against what is known of their picture")
      ->capture_default_str();
  app.add_option("--tokens-per-image", options.tokens_per_image, "of the model")
      ->check(non_negative())
      ->capture_default_str();
  app.add_option("--max-tokens", options.max_tokens, "longest sequence that the model takes")
      ->check(positive())
      ->capture_default_str();
  app.add_option("--threads", options.threads, "threads")->check(CLI::Range(1, 256))->capture_default_str();
  app.add_option("--list", listed, "findings to list of each kind")->check(non_negative())->capture_default_str();
  if (!parse_arguments(app, arguments)) return 0;
  const FieldPack pack = load_field_pack(field);
  options.pack = &pack;
  std::unique_ptr<Tokenizer> tokenizer;
  if (!tokenizer_path.empty()) {
    tokenizer = std::make_unique<Tokenizer>(Tokenizer::load(tokenizer_path));
    options.tokenizer = tokenizer.get();
  }
  const ShardCheck check = check_shards(folders, options);
  fmt::print("{} pictures, {} records, {} turns\n", check.samples, check.records, check.turns);
  if (tokenizer) {
    fmt::print("longest sequence: {} of {} tokens ({})\n", check.longest_tokens, options.max_tokens,
               check.longest_record);
  }
  if (check.findings.empty()) {
    fmt::print("nothing found that would break training\n");
    return 0;
  }
  print_findings(check, listed);
  return kDefectsFound;
}

}  // namespace dermis
