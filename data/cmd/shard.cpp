#include <fmt/core.h>

#include "core/cli/parse.h"
#include "data/cmd/verbs.h"
#include "data/fields/field_pack.h"
#include "data/shard/build_shards.h"

namespace dermis {

int run_data_shard(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app("Packs items and their records into shards: WebDataset tars, index.bin and manifest.json.",
               "data shard");
  ShardBuild build;
  double max_mb = 256;
  std::string field = "dermatology";
  app.add_option("items", build.items, "items file")->required();
  app.add_option("records", build.records, "records file")->required();
  app.add_option("--out", build.out, "folder to write; must not exist")->required();
  app.add_option("--split", build.split, "train | val | test: that side; all: each into a sub-folder; any: regardless")
      ->capture_default_str();
  app.add_option("--max-mb", max_mb, "MiB a tar")->check(CLI::Range(0.1, 1e6))->capture_default_str();
  app.add_option("--max-side", build.max_side, "shrink pictures to this longest side; 0: leave them")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  app.add_option("--field", field, "field pack: a name or a folder; named in the manifest")->capture_default_str();
  app.add_option("--threads", build.threads, "threads")->check(CLI::Range(1, 256))->capture_default_str();
  app.add_flag("--replace", build.replace, "replace the folder when it exists");
  if (!parse_arguments(app, arguments)) return 0;
  const FieldPack pack = load_field_pack(field);
  build.field = pack.name;
  build.field_digest = pack.digest;
  build.max_bytes_per_tar = static_cast<int64_t>(max_mb * (1 << 20));
  const auto report = build_shards(build);
  int64_t samples = 0;
  for (const auto& [folder, manifest] : report.written) {
    samples += manifest.samples;
    fmt::print("{}: {} pictures, {} records, {} tars, {} classes, licence {}\n", folder, manifest.samples,
               manifest.records, manifest.files.size(), manifest.labels.size(), manifest.licence);
  }
  fmt::print("read {} items = {} written + {} without records + {} of other splits\n", report.items, samples,
             report.items_without_records, report.items_of_other_splits);
  if (report.shrunk > 0) fmt::print("{} pictures were shrunk to {} pixels a side\n", report.shrunk, build.max_side);
  return 0;
}

}  // namespace dermis
