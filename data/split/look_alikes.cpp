#include "data/split/look_alikes.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <unordered_map>

#include "core/error.h"
#include "data/image/phash.h"
#include "data/split/near_duplicates.h"

namespace dermis {
namespace {

constexpr int kSide = 64;

// Grey values with mean 0 and length 1; all zero for a picture without contrast.
std::vector<double> normal_grey(const Image& image) {
  const Image small = resize(image, kSide, kSide, ResampleFilter::bilinear);
  std::vector<double> grey(static_cast<size_t>(kSide) * kSide);
  double mean = 0;
  for (size_t i = 0; i < grey.size(); ++i) {
    grey[i] = 0.299 * small.rgb[3 * i] + 0.587 * small.rgb[3 * i + 1] + 0.114 * small.rgb[3 * i + 2];
    mean += grey[i] / static_cast<double>(grey.size());
  }
  double square = 0;
  for (double& value : grey) {
    value -= mean;
    square += value * value;
  }
  for (double& value : grey) value = square > 0 ? value / std::sqrt(square) : 0;
  return grey;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Each picture is opened once; an empty vector stands for one that cannot be.
class GreyPictures {
 public:
  GreyPictures(const std::vector<Item>& items, std::filesystem::path folder)
      : items_(items), folder_(std::move(folder)) {}

  const std::vector<double>& of(size_t item) {
    const auto [at, fresh] = grey_.try_emplace(item);
    if (!fresh) return at->second;
    try {
      at->second = normal_grey(read_image((folder_ / items_[item].image).string()));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::data) throw;
    }
    return at->second;
  }

 private:
  const std::vector<Item>& items_;
  std::filesystem::path folder_;
  std::unordered_map<size_t, std::vector<double>> grey_;
};

}  // namespace

double grey_correlation(const Image& a, const Image& b) { return dot(normal_grey(a), normal_grey(b)); }

LookAlikes find_look_alikes(const std::vector<Item>& items, const std::string& folder, int bits) {
  std::vector<uint64_t> hashes;
  std::vector<size_t> index;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].phash.empty() || items[i].label_basis == "generated") continue;
    hashes.push_back(phash_value(items[i].phash));
    index.push_back(i);
  }
  LookAlikes result;
  GreyPictures pictures(items, folder);
  for (const auto& [a, b] : near_duplicate_links(hashes, bits)) {
    const size_t first = index[a];
    const size_t second = index[b];
    if (items[first].sha256 == items[second].sha256) {
      result.links.emplace_back(first, second);
      continue;
    }
    const std::vector<double>& one = pictures.of(first);
    const std::vector<double>& other = pictures.of(second);
    const bool open = !one.empty() && !other.empty();
    ++(open ? result.compared : result.not_compared);
    const bool same =
        open ? dot(one, other) >= kSameCorrelation : hamming_distance(hashes[a], hashes[b]) <= kBitsWithoutPictures;
    if (same) result.links.emplace_back(first, second);
  }
  return result;
}

}  // namespace dermis
