#include "data/inspect/token_rows.h"

#include <set>

#include "data/batch/loader.h"

namespace dermis {
namespace {

constexpr const char* kBlue = "\x1b[34m";
constexpr const char* kGreen = "\x1b[1;32m";
constexpr const char* kGrey = "\x1b[2m";
constexpr const char* kPlain = "\x1b[0m";

std::string visible(const std::string& text) {
  std::string result;
  for (const char c : text) c == '\n' ? result.append("\xE2\x86\xB5") : result.append(1, c);  // U+21B5
  return result;
}

}  // namespace

std::vector<TokenRun> token_runs(const Record& record, const Tokenizer& tokenizer, const PromptFormat& prompt) {
  ImageFormat no_pixels;
  no_pixels.size = 0;
  const Batch batch = pack({{record.id, record.turns, record.weight, 0}}, {}, 1, tokenizer, no_pixels, prompt, false);
  std::set<int32_t> learned, image(batch.image_slots.begin(), batch.image_slots.end());
  for (const int32_t row : batch.label_rows) learned.insert(row + 1);
  std::vector<TokenRun> runs;
  std::vector<int32_t> ids;
  const auto close = [&] {
    if (!runs.empty() && runs.back().kind != TokenRun::Kind::image) runs.back().text = tokenizer.decode(ids, false);
    ids.clear();
  };
  for (int32_t row = 0; row < batch.token_count(); ++row) {
    const auto kind = image.contains(row)     ? TokenRun::Kind::image
                      : learned.contains(row) ? TokenRun::Kind::learned
                                              : TokenRun::Kind::prompt;
    if (runs.empty() || runs.back().kind != kind) {
      close();
      runs.push_back({kind, "", 0});
    }
    ++runs.back().tokens;
    ids.push_back(batch.tokens[static_cast<size_t>(row)]);
  }
  close();
  return runs;
}

std::string runs_text(const std::vector<TokenRun>& runs, bool colour) {
  std::string text;
  for (const auto& run : runs) {
    const bool learned = run.kind == TokenRun::Kind::learned;
    const bool image = run.kind == TokenRun::Kind::image;
    if (colour) text += image ? kGrey : learned ? kGreen : kBlue;
    if (image) {
      text += "[" + std::to_string(run.tokens) + " x image]";
    } else {
      text += learned && !colour ? "\xC2\xAB" + visible(run.text) + "\xC2\xBB" : visible(run.text);
    }
    if (colour) text += kPlain;
  }
  return text;
}

}  // namespace dermis
