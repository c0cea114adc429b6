#include "data/split/groups.h"

#include <map>
#include <numeric>
#include <unordered_map>

#include "core/io/hash.h"
#include "core/random.h"
#include "data/split/look_alikes.h"

namespace dermis {
namespace {

class UnionFind {
 public:
  explicit UnionFind(size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), size_t{0}); }
  size_t root(size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  bool join(size_t i, size_t j) {
    i = root(i);
    j = root(j);
    if (i == j) return false;
    parent_[std::max(i, j)] = std::min(i, j);
    return true;
  }

 private:
  std::vector<size_t> parent_;
};

// Joins items with equal non-empty keys.
template <typename Key>
int64_t join_equal(UnionFind& sets, const std::vector<Item>& items, const Key& key) {
  std::unordered_map<std::string, size_t> first;
  int64_t joined = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string text = key(items[i]);
    if (text.empty()) continue;
    const auto [at, fresh] = first.emplace(text, i);
    if (!fresh && sets.join(at->second, i)) ++joined;
  }
  return joined;
}

}  // namespace

Groups leakage_groups(const std::vector<Item>& items, const GroupOptions& options) {
  UnionFind sets(items.size());
  Groups groups;
  groups.joined[0] = join_equal(sets, items, [](const Item& item) {
    return item.patient.empty() ? std::string() : item.source + "\n" + item.patient;
  });
  groups.joined[1] = join_equal(sets, items, [](const Item& item) {
    return item.lesion.empty() ? std::string() : item.source + "\n" + item.patient + "\n" + item.lesion;
  });
  groups.joined[2] = join_equal(sets, items, [](const Item& item) { return item.sha256; });
  if (options.near_bits >= 0) {
    const LookAlikes look_alikes = find_look_alikes(items, options.image_folder, options.near_bits);
    for (const auto& [i, j] : look_alikes.links) groups.joined[3] += sets.join(i, j) ? 1 : 0;
    groups.not_compared = look_alikes.not_compared;
  }

  std::map<size_t, std::string> smallest;
  for (size_t i = 0; i < items.size(); ++i) {
    std::string& id = smallest[sets.root(i)];
    const std::string key = items[i].source + "\n" + items[i].id;
    if (id.empty() || key < id) id = key;
  }
  std::unordered_map<size_t, size_t> index;
  for (const auto& [root, key] : smallest) {
    index[root] = groups.names.size();
    groups.names.push_back("g" + to_hex(stable_hash(key)));
  }
  for (size_t i = 0; i < items.size(); ++i) groups.of.push_back(index[sets.root(i)]);
  return groups;
}

}  // namespace dermis
