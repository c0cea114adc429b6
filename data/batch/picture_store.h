// Pictures of the loader's samples: read, decoded and, if wanted, kept in memory.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "data/batch/augment.h"
#include "data/batch/sample_table.h"

namespace dermis {

// Thread-safe. With a cache, a picture is kept at most kCacheScale times as large as the model sees it, or at exactly
// the model's size when nothing crops it: the former changes pixels a little (two resizes instead of one), the latter
// not at all.
class PictureStore {
 public:
  static constexpr int kCacheScale = 2;

  PictureStore(std::vector<std::shared_ptr<const ShardReader>> sources, const ImageFormat& format,
               const LoaderOptions& options, size_t samples);
  // Fills planes [3, S, S] of the `epoch`-th appearance of a sample. Error(data) names shard and key.
  void fill(const LoaderSample& sample, int64_t number, int64_t epoch, uint8_t* planes);

 private:
  std::shared_ptr<const Image> picture(const LoaderSample& sample, int64_t number);
  Image decode(const LoaderSample& sample) const;

  std::vector<std::shared_ptr<const ShardReader>> sources_;
  ImageFormat format_;
  LoaderOptions options_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<const Image>> cache_;
};

}  // namespace dermis
