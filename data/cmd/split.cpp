#include <fmt/core.h>

#include <filesystem>

#include "core/cli/parse.h"
#include "core/io/atomic_file.h"
#include "data/cmd/result_files.h"
#include "data/cmd/verbs.h"
#include "data/split/split.h"

namespace dermis {
namespace {

// Pictures stay where they are: a path relative to the old items file becomes absolute when the new one lies elsewhere.
void move_items_file(std::vector<Item>& items, const std::string& from, const std::string& to) {
  const auto folder = std::filesystem::absolute(from).parent_path().lexically_normal();
  if (folder == std::filesystem::absolute(to).lexically_normal()) return;
  for (Item& item : items) {
    if (std::filesystem::path(item.image).is_relative()) item.image = (folder / item.image).lexically_normal().string();
  }
}

}  // namespace

int run_data_split(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app("Puts items into train, val and test by leakage group; writes OUT/items.jsonl and OUT/split.json.",
               "data split");
  SplitOptions options;
  std::string items_path, out;
  bool replace = false;
  app.add_option("items", items_path, "items file")->required();
  app.add_option("--out", out, "folder to write into")->required();
  app.add_flag("--keep-official", options.keep_official,
               "items that carry a split keep it; without a val side some training groups go to val");
  app.add_flag("--fix-leaks", options.fix_leaks, "of a group that crosses official splits, keep one side (test first)");
  auto* val_option = app.add_option("--val", options.val, "share of the val side");
  app.add_option("--test", options.test, "share of the test side; 1 makes a test set alone");
  app.add_option("--stratum", options.stratum, "metadata attribute to balance beside the label");
  app.add_option("--seed", options.seed, "seed of the order in which groups are placed");
  app.add_option("--near-bits", options.groups.near_bits,
                 "pictures within so many phash bits are compared by pixels; -1: near duplicates are not looked for")
      ->check(CLI::Range(-1, 15));
  app.add_flag("--replace", replace, "replace the split that OUT holds");
  if (!parse_arguments(app, arguments)) return 0;
  if (options.test == 1 && val_option->count() == 0) options.val = 0;
  const ResultFiles files(out, {"items.jsonl", "split.json"}, replace);
  std::vector<Item> items = read_items(items_path);
  options.groups.image_folder = std::filesystem::absolute(items_path).parent_path().string();
  move_items_file(items, items_path, out);
  const SplitResult result = split_items(std::move(items), options);
  const std::string text = report_text(result.report);
  files.write([&](const std::string& folder) {
    write_items(folder + "/items.jsonl", result.items);
    write_file_atomically(folder + "/split.json", to_json(result.report, result.items).dump(2) + "\n");
    write_file_atomically(folder + "/split_report.txt", text);
  });
  fmt::print("{}", text);
  return 0;
}

}  // namespace dermis
