#include "data/shard/shard_key.h"

#include "core/io/hash.h"
#include "core/random.h"

namespace dermis {
namespace {

constexpr size_t kLongest = 80;

bool is_safe(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

}  // namespace

std::string shard_key(const std::string& item_id) {
  std::string key;
  bool changed = item_id.empty() || item_id.size() > kLongest;
  for (const char c : item_id) {
    key += is_safe(c) ? c : '_';
    changed |= !is_safe(c);
  }
  if (!changed) return key;
  const std::string digest = to_hex(stable_hash(item_id));
  return key.substr(0, kLongest - 1 - digest.size()) + "-" + digest;
}

}  // namespace dermis
