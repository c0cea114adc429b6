#include <fmt/core.h>

#include "core/cli/checks.h"
#include "core/cli/parse.h"
#include "core/io/atomic_file.h"
#include "data/cmd/result_files.h"
#include "data/cmd/verbs.h"
#include "data/sources/import.h"

namespace dermis {

int run_data_import(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app("Reads pictures and tables of a source and writes OUT_DIR/items.jsonl with a report.", "data import");
  ImportOptions options;
  std::string out, field = "dermatology";
  bool replace = false;
  app.add_option("kind", options.kind, "isic | pad_ufes_20 | folder | csv")->required();
  app.add_option("folder", options.folder, "folder of the source")->required();
  app.add_option("--out", out, "folder to write into")->required();
  app.add_option("--limit", options.limit, "keep at most so many pictures (0: all)")->check(non_negative());
  app.add_option("--map", options.map_file, "csv: column map (TOML)");
  app.add_option("--field", field, "field pack: a name or a folder");
  app.add_option("--source", options.source, "name of the data set, instead of the one the layout tells");
  app.add_option("--licence", options.licence, "licence of pictures whose source states none");
  app.add_option("--attribution", options.attribution, "attribution of pictures whose source states none");
  app.add_option("--modality", options.modality, "modality of pictures whose source states none");
  app.add_option("--threads", options.threads, "threads that read pictures")->check(CLI::Range(1, 256));
  app.add_option("--near-bits", options.near_bits, "pictures within so many phash bits are compared by pixels")
      ->check(CLI::Range(0, 15));
  app.add_flag("--replace", replace, "replace the result that OUT holds");
  if (!parse_arguments(app, arguments)) return 0;
  const ResultFiles files(out, {"items.jsonl"}, replace);
  const FieldPack pack = load_field_pack(field);
  const ImportResult result = import_source(options, pack);
  const std::string text = report_text(result.report);
  files.write([&](const std::string& folder) {
    write_items(folder + "/items.jsonl", result.items);
    write_file_atomically(folder + "/import_report.json", to_json(result.report).dump(2) + "\n");
    write_file_atomically(folder + "/import_report.txt", text);
  });
  fmt::print("{}\nwrote {}/items.jsonl in {:.1f} s\n", text, out, result.report.seconds);
  return 0;
}

}  // namespace dermis
