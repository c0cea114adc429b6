#include "data/shard/known_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_set>

#include "core/error.h"
#include "data/image/image.h"
#include "data/split/look_alikes.h"

namespace dermis {
namespace {

constexpr size_t kExamples = 5;

// Hashes this near are taken for the same picture where pixels cannot be compared. Within kBitsWithoutPictures and not
// so near, ISIC 2017 and PAD-UFES-20 have six pairs over their splits, all of different lesions.
constexpr int kSureBits = 2;

// The seen pictures themselves, as far as their folders are still there and unchanged. Folders are searched when a
// picture is first asked for.
class SeenImages {
 public:
  explicit SeenImages(const std::vector<SeenPictures::Folder>& folders) : folders_(folders) {}

  std::optional<Image> find(const PictureTraces& picture) {
    if (!picture.has_bytes()) return std::nullopt;
    while (!places_.contains(picture.sha256) && searched_ < folders_.size()) search(folders_[searched_++]);
    const auto at = places_.find(picture.sha256);
    if (at == places_.end()) return std::nullopt;
    const auto& [reader, index] = at->second;
    return decode_image(reader->image_bytes(index), reader->where(index));
  }

 private:
  void search(const SeenPictures::Folder& wanted) {
    if (!std::filesystem::exists(std::filesystem::path(wanted.folder) / "manifest.json")) return;
    try {
      const auto reader = std::make_shared<const ShardReader>(wanted.folder);
      if (reader->manifest().fingerprint != wanted.fingerprint) return;
      for (int64_t i = 0; i < reader->size(); ++i)
        places_.try_emplace(traces_of(reader->read_item(i)).sha256, reader, i);
    } catch (const Error& error) {  // a damaged folder is as good as none
      if (error.kind() != ErrorKind::data) throw;
    }
  }

  const std::vector<SeenPictures::Folder>& folders_;
  size_t searched_ = 0;
  std::map<std::array<uint64_t, 2>, std::pair<std::shared_ptr<const ShardReader>, int64_t>> places_;
};

class Recogniser {
 public:
  explicit Recogniser(const SeenPictures& seen) : seen_(seen), images_(seen.shards) {
    for (const PictureTraces& picture : seen.pictures) {
      if (picture.patient != 0) patients_.insert(picture.patient);
      if (picture.lesion != 0) lesions_.insert(picture.lesion);
      if (picture.phash != 0) looks_.push_back(&picture);
    }
  }

  // `image` is asked for only when a seen picture is near in hash.
  std::optional<KnownBy> reason(const Item& item, const std::function<Image()>& image, Recognition& result) {
    const PictureTraces traces = traces_of(item);
    if (traces.has_bytes() && has_bytes(traces)) return KnownBy::bytes;
    if (traces.lesion != 0 && lesions_.contains(traces.lesion)) return KnownBy::lesion;
    if (traces.patient != 0 && patients_.contains(traces.patient)) return KnownBy::patient;
    if (traces.phash != 0 && looks_like_one(traces, image, result)) return KnownBy::looks;
    if (!item.group.empty() && seen_.groups.contains(item.group)) return KnownBy::group;
    return std::nullopt;
  }

 private:
  bool has_bytes(const PictureTraces& traces) const {  // seen pictures are sorted by these bytes first
    const auto at = std::lower_bound(seen_.pictures.begin(), seen_.pictures.end(), traces.sha256,
                                     [](const PictureTraces& p, const auto& bytes) { return p.sha256 < bytes; });
    return at != seen_.pictures.end() && at->sha256 == traces.sha256;
  }

  bool looks_like_one(const PictureTraces& traces, const std::function<Image()>& image, Recognition& result) {
    std::optional<Image> own;
    bool perhaps = false;
    for (const PictureTraces* seen : looks_) {
      const int bits = std::popcount(seen->phash ^ traces.phash);
      if (bits > kCandidateBits) continue;
      const std::optional<Image> other = images_.find(*seen);
      if (!other && bits <= kSureBits) {
        ++result.by_hash_alone;
        return true;
      }
      perhaps = perhaps || (!other && bits <= kBitsWithoutPictures);
      if (!other) continue;
      if (!own) own = image();
      if (grey_correlation(*own, *other) >= kSameCorrelation) return true;
    }
    result.not_confirmed += perhaps ? 1 : 0;
    return false;
  }

  const SeenPictures& seen_;
  SeenImages images_;
  std::unordered_set<uint64_t> patients_, lesions_;
  std::vector<const PictureTraces*> looks_;
};

}  // namespace

std::string describe(KnownBy reason) {
  switch (reason) {
    case KnownBy::bytes: return "the same bytes";
    case KnownBy::lesion: return "the same lesion";
    case KnownBy::patient: return "the same patient";
    case KnownBy::looks: return "the same looks";
    case KnownBy::group: return "the same leakage group";
  }
  return "";
}

Recognition recognise(const SeenPictures& seen, const ShardReader& set) {
  Recognition result;
  Recogniser recogniser(seen);
  MissingTraces missing;
  for (int64_t i = 0; i < set.size(); ++i) {
    const Item item = set.read_item(i);
    missing.count(item);
    const auto image = [&] { return decode_image(set.image_bytes(i), set.where(i)); };
    const auto reason = recogniser.reason(item, image, result);
    if (reason) result.known.push_back({item.id, *reason});
  }
  result.gaps = seen.gaps;
  for (const std::string& gap : missing.gaps(set.folder())) result.gaps.push_back(gap);
  if (result.not_confirmed > 0) {
    result.gaps.push_back(
        fmt::format("{} of {} near to a trained one in perceptual hash; the training shards are not at hand to "
                    "compare pixels",
                    count_of_pictures(result.not_confirmed), set.folder()));
  }
  return result;
}

std::string describe(const Recognition& recognition) {
  std::map<KnownBy, int64_t> counts;
  for (const KnownPicture& picture : recognition.known) ++counts[picture.by];
  std::string reasons, examples;
  for (const auto& [by, count] : counts)
    reasons += fmt::format("{}{} by {}", reasons.empty() ? "" : ", ", count, describe(by));
  for (size_t i = 0; i < std::min(kExamples, recognition.known.size()); ++i)
    examples += (i > 0 ? ", " : "") + recognition.known[i].item;
  return fmt::format("{} ({}), e.g. {}", count_of_pictures(static_cast<int64_t>(recognition.known.size())), reasons,
                     examples);
}

}  // namespace dermis
