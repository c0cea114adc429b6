#include "data/batch/picture_store.h"

#include <algorithm>

#include "data/image/fitted.h"

namespace dermis {

PictureStore::PictureStore(std::vector<std::shared_ptr<const ShardReader>> sources, const ImageFormat& format,
                           const LoaderOptions& options, size_t samples)
    : sources_(std::move(sources)), format_(format), options_(options) {
  if (options.cache_decoded) cache_.resize(samples);
}

void PictureStore::fill(const LoaderSample& sample, int64_t number, int64_t epoch, uint8_t* planes) {
  const auto image = picture(sample, number);
  const auto augmentation =
      draw_augmentation(options_.augment, options_.seed, epoch, number, sample.width, sample.height);
  augment_to_planes(*image, augmentation, format_, planes);
}

std::shared_ptr<const Image> PictureStore::picture(const LoaderSample& sample, int64_t number) {
  if (cache_.empty()) return std::make_shared<Image>(decode(sample));
  const auto slot = static_cast<size_t>(number);
  {
    const std::lock_guard lock(mutex_);
    if (cache_[slot]) return cache_[slot];
  }
  // Two threads may decode the same picture at once: both get equal pixels.
  auto image = std::make_shared<const Image>(decode(sample));
  const std::lock_guard lock(mutex_);
  return cache_[slot] = std::move(image);
}

Image PictureStore::decode(const LoaderSample& sample) const {
  const auto& reader = *sources_[static_cast<size_t>(sample.source)];
  const auto bytes = reader.image_bytes(sample.index);
  const std::string name = reader.where(sample.index);
  const bool crops = options_.augment.crop_min_area < 1;
  if (!crops) return decode_fitted(bytes, name, format_.size, format_.size, format_.filter);
  const int side = kCacheScale * format_.size;
  if (cache_.empty() || (sample.width <= side && sample.height <= side)) return decode_image(bytes, name);
  return decode_fitted(bytes, name, std::min(sample.width, side), std::min(sample.height, side), format_.filter);
}

}  // namespace dermis
