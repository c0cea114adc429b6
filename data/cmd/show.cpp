#include <fmt/core.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "core/cli/checks.h"
#include "core/cli/parse.h"
#include "core/io/atomic_file.h"
#include "data/cmd/verbs.h"
#include "data/image/contact_sheet.h"
#include "data/image/encode.h"
#include "data/inspect/token_rows.h"
#include "data/shard/shard.h"
#include "data/text/hf_files.h"

namespace dermis {
namespace {

constexpr int kSheetColumns = 4;
constexpr int kSheetCell = 256;

struct Show {
  std::string folder, model, sheet;
  int64_t count = 8, from = 0;
  int tokens_per_image = 64;
};

void print_record(const Record& record, const Tokenizer* tokenizer, const PromptFormat& prompt, bool colour) {
  fmt::print("  {}{}{}\n", record.question_type, record.weight == 1.0 ? "" : fmt::format(" weight {}", record.weight),
             record.turns.size() > 1 ? fmt::format(" ({} turns)", record.turns.size()) : "");
  if (tokenizer != nullptr) {
    fmt::print("    {}\n", runs_text(token_runs(record, *tokenizer, prompt), colour));
    return;
  }
  for (const auto& turn : record.turns) fmt::print("    {}\n      {}\n", turn.question, turn.answer);
}

std::string caption_of(const ShardSample& sample) {
  std::string caption = sample.item.label.empty() ? sample.item.id : sample.item.label + "\n" + sample.item.id;
  if (!sample.records.empty()) caption += "\n" + sample.records.front().turns.front().answer;
  return caption;
}

void write_sheet(const std::string& path, const std::vector<SheetCell>& cells) {
  const auto png =
      encode_png(contact_sheet(cells, std::min<int>(kSheetColumns, static_cast<int>(cells.size())), kSheetCell));
  write_file_atomically(path, {reinterpret_cast<const char*>(png.data()), png.size()});
  fmt::print("contact sheet: {}\n", path);
}

}  // namespace

int run_data_show(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app("Prints samples as the model reads them, what it learns in green, and writes a contact sheet.",
               "data show");
  Show show;
  app.add_option("shards", show.folder, "shard folder")->required();
  app.add_option("--count", show.count, "samples")->check(positive())->capture_default_str();
  app.add_option("--from", show.from, "first sample")->check(non_negative())->capture_default_str();
  app.add_option("--model", show.model, "model folder or tokenizer.model: shows tokens and the loss mask");
  app.add_option("--tokens-per-image", show.tokens_per_image, "of the model")
      ->check(non_negative())
      ->capture_default_str();
  app.add_option("--sheet", show.sheet, "PNG file to write");
  if (!parse_arguments(app, arguments)) return 0;
  const ShardReader reader(show.folder);
  std::unique_ptr<Tokenizer> tokenizer;
  PromptFormat prompt;
  prompt.tokens_per_image = show.tokens_per_image;
  if (!show.model.empty()) {
    tokenizer = std::make_unique<Tokenizer>(Tokenizer::load(show.model));
    prompt.image_token = image_token_id(*tokenizer);
  }
  const bool colour = isatty(STDOUT_FILENO) != 0;
  std::vector<SheetCell> cells;
  for (int64_t i = show.from; i < std::min(reader.size(), show.from + show.count); ++i) {
    const ShardSample sample = reader.read(i);
    fmt::print("{}  {}  {} x {}  {} records\n", sample.item.id, sample.item.label, sample.item.width,
               sample.item.height, sample.records.size());
    for (const auto& record : sample.records) print_record(record, tokenizer.get(), prompt, colour);
    if (!show.sheet.empty()) {
      cells.push_back({decode_image(sample.image, reader.where(i)), caption_of(sample)});
    }
  }
  fmt::print("{} of {} samples\n", std::max<int64_t>(0, std::min(reader.size() - show.from, show.count)),
             reader.size());
  if (!cells.empty()) write_sheet(show.sheet, cells);
  return 0;
}

}  // namespace dermis
