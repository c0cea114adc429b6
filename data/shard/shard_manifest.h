// manifest.json of a shard folder.
#pragma once

#include <string>

#include "data/shard/shard.h"

namespace dermis {

std::string manifest_text(const ShardManifest& manifest, const std::string& index_sha256);
// Strict; Error(data) names file and field. Checks that the fingerprint follows from the listed hashes.
ShardManifest read_manifest(const std::string& path, std::string& index_sha256);
// The hash over everything that the manifest says (tar and index hashes, split, groups, labels, licences) that names
// the data in checkpoints. Of schema 1 it covers tars and index alone.
std::string shard_fingerprint(const ShardManifest& manifest, const std::string& index_sha256);

}  // namespace dermis
