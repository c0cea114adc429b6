#include "data/split/near_duplicates.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

#include "core/error.h"

namespace dermis {
namespace {

using Hashes = std::vector<std::pair<uint64_t, size_t>>;

void compare_bucket(const Hashes& distinct, const Hashes& keyed, size_t start, size_t end, int bits,
                    std::vector<std::pair<size_t, size_t>>& links) {
  for (size_t a = start; a < end; ++a) {
    for (size_t b = a + 1; b < end; ++b) {
      const auto& [first_hash, first] = distinct[keyed[a].second];
      const auto& [second_hash, second] = distinct[keyed[b].second];
      if (std::popcount(first_hash ^ second_hash) <= bits) links.push_back(std::minmax(first, second));
    }
  }
}

}  // namespace

std::vector<std::pair<size_t, size_t>> near_duplicate_links(const std::vector<uint64_t>& hashes, int bits) {
  DERMIS_CHECK(bits >= 0 && bits < 16, "near-duplicate threshold");
  std::vector<std::pair<size_t, size_t>> links;
  std::vector<std::pair<uint64_t, size_t>> distinct;             // hash, first index that holds it
  std::unordered_map<uint64_t, std::pair<size_t, size_t>> seen;  // hash -> first and latest index
  for (size_t i = 0; i < hashes.size(); ++i) {
    const auto [at, fresh] = seen.emplace(hashes[i], std::pair(i, i));
    if (fresh) {
      distinct.emplace_back(hashes[i], i);
    } else {
      links.emplace_back(at->second.first, i);
      links.emplace_back(at->second.second, i);
      at->second.second = i;
    }
  }
  const int bands = bits + 1;
  std::vector<std::pair<uint64_t, size_t>> keyed(distinct.size());  // band's bits, index in distinct
  for (int band = 0; band < bands; ++band) {
    const int from = 64 * band / bands;
    const int width = 64 * (band + 1) / bands - from;
    const uint64_t mask = width == 64 ? ~uint64_t{0} : ((uint64_t{1} << width) - 1) << from;
    for (size_t i = 0; i < distinct.size(); ++i) keyed[i] = {distinct[i].first & mask, i};
    std::sort(keyed.begin(), keyed.end());
    for (size_t start = 0, end = 0; start < keyed.size(); start = end) {
      while (end < keyed.size() && keyed[end].first == keyed[start].first) ++end;
      compare_bucket(distinct, keyed, start, end, bits, links);
    }
  }
  std::sort(links.begin(), links.end());
  links.erase(std::unique(links.begin(), links.end()), links.end());
  return links;
}

}  // namespace dermis
