#include "data/shard/shard_manifest.h"

#include "core/error.h"
#include "core/io/hash.h"
#include "core/io/jsonl.h"
#include "core/io/read_file.h"
#include "data/json_fields.h"

namespace dermis {
namespace {

constexpr int kSchema = 2;
constexpr int kOldSchema = 1;  // its fingerprint covers tars and index alone

[[noreturn]] void wrong(const std::string& where, const std::string& what, const std::string& expected,
                        const std::string& found) {
  throw Error(ErrorKind::data, {.what = what,
                                .where = where,
                                .expected = expected,
                                .found = found,
                                .fix = "copy the folder again, or make the shards anew: dermis data shard"});
}

std::string old_fingerprint(const ShardManifest& manifest, const std::string& index_sha256) {
  Sha256 hash;
  for (const auto& digest : manifest.sha256) hash.add(digest + "\n");
  hash.add(index_sha256);
  return hash.hex();
}

Json manifest_json(const ShardManifest& manifest, const std::string& index_sha256) {
  Json files = Json::array();
  for (size_t i = 0; i < manifest.files.size(); ++i) {
    files.push_back({{"name", manifest.files[i]}, {"sha256", manifest.sha256[i]}});
  }
  return {{"schema", manifest.schema},
          {"split", manifest.split},
          {"samples", manifest.samples},
          {"records", manifest.records},
          {"licence", manifest.licence},
          {"licences", manifest.licences},
          {"field", manifest.field},
          {"field_digest", manifest.field_digest},
          {"max_side", manifest.max_side},
          {"labels", manifest.labels},
          {"fingerprint", manifest.fingerprint},
          {"index_sha256", index_sha256},
          {"files", files},
          {"groups", manifest.groups}};
}

}  // namespace

std::string shard_fingerprint(const ShardManifest& manifest, const std::string& index_sha256) {
  if (manifest.schema == kOldSchema) return old_fingerprint(manifest, index_sha256);
  Json facts = manifest_json(manifest, index_sha256);
  facts.erase("fingerprint");
  return sha256_hex(std::string_view(facts.dump()));
}

std::string manifest_text(const ShardManifest& manifest, const std::string& index_sha256) {
  return manifest_json(manifest, index_sha256).dump(1) + "\n";
}

ShardManifest read_manifest(const std::string& path, std::string& index_sha256) {
  const Json root = parse_json(read_file(path), path);
  JsonFields fields(root, path);
  ShardManifest manifest;
  manifest.schema = fields.integer("schema");
  if (manifest.schema != kSchema && manifest.schema != kOldSchema) {
    wrong(path + ", field schema", "these shards are of another version",
          std::to_string(kOldSchema) + " or " + std::to_string(kSchema), std::to_string(manifest.schema));
  }
  manifest.split = fields.text_or_empty("split");
  manifest.samples = static_cast<int64_t>(fields.unsigned_or("samples", 0));
  manifest.records = static_cast<int64_t>(fields.unsigned_or("records", 0));
  manifest.licence = fields.text_or_empty("licence");
  manifest.licences = fields.text_list("licences");
  manifest.field = fields.text_or_empty("field");
  manifest.field_digest = fields.text_or_empty("field_digest");
  manifest.max_side = fields.integer("max_side");
  manifest.labels = fields.text_list("labels");
  manifest.fingerprint = fields.text("fingerprint");
  index_sha256 = fields.text("index_sha256");
  for (const auto& entry : fields.list_or_empty("files")) {
    JsonFields file(entry, path + ", field files");
    manifest.files.push_back(file.text("name"));
    manifest.sha256.push_back(file.text("sha256"));
    file.no_others();
  }
  manifest.groups = fields.text_list("groups");
  fields.no_others();
  const auto fingerprint = shard_fingerprint(manifest, index_sha256);
  if (fingerprint != manifest.fingerprint) {
    wrong(path + ", field fingerprint", "the manifest has been edited", fingerprint, manifest.fingerprint);
  }
  return manifest;
}

}  // namespace dermis
