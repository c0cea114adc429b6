// What would break training, found before training.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/fields/field_pack.h"
#include "data/text/tokenizer.h"

namespace dermis {

struct Finding {
  std::string kind;   // "damaged", "picture", "empty answer", "placeholder", ...
  std::string where;  // shard, member and record
  std::string what;
};

struct ShardCheck {
  int64_t samples = 0, records = 0, turns = 0;
  int64_t longest_tokens = 0;  // image tokens included; 0 without a tokenizer
  std::string longest_record;
  std::vector<Finding> findings;
  std::map<std::string, int64_t> count_by_kind() const;
};

struct ShardCheckOptions {
  const Tokenizer* tokenizer = nullptr;  // null: nothing is said about tokens
  const FieldPack* pack = nullptr;       // null, or not the one that the manifest names: no answer is judged by it
  int tokens_per_image = 64;
  int max_tokens = 8192;  // longest sequence that the model takes
  int threads = 2;
};

// Reads everything: hashes of the tars, every member, every picture, every record. Damage that keeps a whole folder
// from opening is a finding too. The order of findings does not depend on threads.
ShardCheck check_shards(const std::vector<std::string>& folders, const ShardCheckOptions& options);

}  // namespace dermis
