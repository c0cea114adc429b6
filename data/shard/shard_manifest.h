// manifest.json of a shard folder.
#pragma once

#include <string>

#include "data/shard/shard.h"

namespace dermis {

std::string manifest_text(const ShardManifest& manifest, const std::string& index_sha256);
// Strict; Error(data) names file and field. Checks that the fingerprint follows from the listed hashes.
ShardManifest read_manifest(const std::string& path, std::string& index_sha256);
// The hash over tar hashes and index that names the data in checkpoints.
std::string shard_fingerprint(const ShardManifest& manifest, const std::string& index_sha256);

}  // namespace dermis
