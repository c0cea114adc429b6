#include "data/batch/loader.h"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "data/batch/order.h"
#include "data/batch/picture_store.h"
#include "data/batch/prefetcher.h"
#include "data/batch/sample_table.h"

namespace dermis {
namespace {

[[noreturn]] void bad_option(const std::string& name, const std::string& expected, const std::string& found) {
  throw Error(ErrorKind::usage,
              {.what = "a loader option is out of range", .where = name, .expected = expected, .found = found});
}

void check_options(const LoaderOptions& options, size_t sources, const std::vector<double>& mixing_weights) {
  if (options.images_per_batch < 1)
    bad_option("images_per_batch", "1 or more", std::to_string(options.images_per_batch));
  if (options.questions_per_image < 1) {
    bad_option("questions_per_image", "1 or more", std::to_string(options.questions_per_image));
  }
  if (options.balance != "none" && options.balance != "label") bad_option("balance", "none or label", options.balance);
  const auto& augment = options.augment;
  if (!(augment.crop_min_area > 0 && augment.crop_min_area <= 1)) {
    bad_option("augment.crop_min_area", "above 0, at most 1", std::to_string(augment.crop_min_area));
  }
  if (!(augment.colour >= 0 && augment.colour < 1)) {
    bad_option("augment.colour", "0 or more, below 1", std::to_string(augment.colour));
  }
  if (!(augment.keep_patches > 0 && augment.keep_patches <= 1)) {
    bad_option("augment.keep_patches", "above 0, at most 1", std::to_string(augment.keep_patches));
  }
  if (!mixing_weights.empty() && mixing_weights.size() != sources) {
    bad_option("mixing weights", fmt::format("one for each of {} sources", sources),
               std::to_string(mixing_weights.size()));
  }
  for (const double weight : mixing_weights) {
    if (!(weight >= 0) || !std::isfinite(weight)) bad_option("mixing weights", "0 or more", std::to_string(weight));
  }
}

// Groups the usable samples of one pool: all together, or by class.
std::vector<DrawGroup> group_samples(const SampleTable& table, const std::vector<int64_t>& members,
                                     const LoaderOptions& options,
                                     const std::vector<std::shared_ptr<const ShardReader>>& sources) {
  std::map<std::string, std::vector<int64_t>> by_label;
  for (const int64_t number : members) {
    const auto& sample = table.samples[static_cast<size_t>(number)];
    if (options.balance != "label") {
      by_label[""].push_back(number);
      continue;
    }
    if (sample.label.empty()) {
      throw Error(ErrorKind::data, {.what = "a sample has no label, so classes cannot be balanced",
                                    .where = sources[static_cast<size_t>(sample.source)]->where(sample.index),
                                    .fix = "balance = \"none\", or leave unlabelled items out of the shards"});
    }
    by_label[sample.label].push_back(number);
  }
  std::vector<DrawGroup> groups;
  for (auto& [label, samples] : by_label) {
    const auto first = static_cast<uint64_t>(samples.front());
    groups.push_back({std::move(samples), first});
  }
  return groups;
}

std::vector<DrawPool> make_pools(const SampleTable& table,
                                 const std::vector<std::shared_ptr<const ShardReader>>& sources,
                                 const std::vector<double>& weights, const LoaderOptions& options) {
  const bool mixed = !weights.empty() && sources.size() > 1;
  std::vector<std::vector<int64_t>> members(mixed ? sources.size() : 1);
  for (size_t i = 0; i < table.samples.size(); ++i) {
    const auto& sample = table.samples[i];
    if (sample.questions.empty()) continue;
    members[mixed ? static_cast<size_t>(sample.source) : 0].push_back(static_cast<int64_t>(i));
  }
  std::vector<DrawPool> pools;
  for (size_t i = 0; i < members.size(); ++i) {
    const double weight = mixed ? weights[i] : 1.0;
    if (weight == 0) continue;
    if (members[i].empty()) {
      throw Error(ErrorKind::data,
                  {.what = "no sample is left to train on",
                   .where = mixed || sources.size() == 1 ? sources[i]->folder() : "all sources",
                   .expected = "pictures with at least one record of a wanted question type that fits max_tokens",
                   .found = fmt::format("{} records longer than max_tokens were left out", table.dropped_long),
                   .fix = "raise batch.max_tokens, or change batch.question_weights"});
    }
    pools.push_back({group_samples(table, members[i], options, sources), weight});
  }
  if (pools.empty()) bad_option("mixing weights", "at least one above 0", "all 0");
  return pools;
}

// `count` of the questions without replacement, by weight: the smallest of exponential waiting times (Efraimidis and
// Spirakis, 2006), then in the records' own order.
std::vector<size_t> draw_questions(const std::vector<TokenizedQuestion>& questions, int count, Random random) {
  std::vector<std::pair<double, size_t>> waiting;
  for (size_t i = 0; i < questions.size(); ++i) {
    waiting.emplace_back(-std::log1p(-random.uniform()) / questions[i].draw_weight, i);
  }
  const size_t kept = std::min(waiting.size(), static_cast<size_t>(count));
  std::partial_sort(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(kept), waiting.end());
  std::vector<size_t> chosen;
  for (size_t i = 0; i < kept; ++i) chosen.push_back(waiting[i].second);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace

struct Loader::Impl {
  Impl(std::vector<std::shared_ptr<const ShardReader>> shards, const std::vector<double>& weights,
       const Tokenizer& tokenizer, const ImageFormat& image_format, const PromptFormat& prompt_format,
       const LoaderOptions& loader_options)
      : options(loader_options),
        image(image_format),
        prompt(prompt_format),
        separator(tokenizer.encode(prompt_format.separator)),
        table(read_sample_table(shards, tokenizer, prompt, options)),
        order(make_pools(table, shards, weights, options), options.seed),
        pictures(std::move(shards), image, options, table.samples.size()),
        prefetcher([this](int64_t number) { return make(number); }, options.threads, options.prefetch) {}

  Batch make(int64_t number) {
    const auto plane_bytes = size_t{3} * static_cast<size_t>(image.size) * static_cast<size_t>(image.size);
    BatchPictures batch{.planes = std::vector<uint8_t>(static_cast<size_t>(options.images_per_batch) * plane_bytes),
                        .count = options.images_per_batch};
    std::vector<SequenceTokens> sequences;
    for (int i = 0; i < options.images_per_batch; ++i) {
      const Draw draw = order.at(number * options.images_per_batch + i);
      const auto& sample = table.samples[static_cast<size_t>(draw.sample)];
      pictures.fill(sample, draw.sample, draw.epoch, batch.planes.data() + static_cast<size_t>(i) * plane_bytes);
      const std::vector<int32_t> kept =
          draw_patches(options.augment, options.seed, draw.epoch, draw.sample, prompt.tokens_per_image);
      batch.kept_patches.insert(batch.kept_patches.end(), kept.begin(), kept.end());
      const Random random(options.seed, RandomPurpose::question, static_cast<uint64_t>(draw.epoch),
                          static_cast<uint64_t>(draw.sample));
      for (const size_t question : draw_questions(sample.questions, options.questions_per_image, random)) {
        sequences.push_back(sample.questions[question].tokens);
        sequences.back().image = i;
      }
    }
    return pack_tokens(sequences, std::move(batch), separator, image, prompt, false);
  }

  LoaderOptions options;
  ImageFormat image;
  PromptFormat prompt;
  std::vector<int32_t> separator;
  SampleTable table;
  SampleOrder order;
  PictureStore pictures;
  Prefetcher prefetcher;  // last: its threads use everything above
};

Loader::Loader(std::vector<std::shared_ptr<const ShardReader>> sources, std::vector<double> mixing_weights,
               const Tokenizer& tokenizer, const ImageFormat& image, const PromptFormat& prompt,
               const LoaderOptions& options) {
  check_options(options, sources.size(), mixing_weights);
  if (sources.empty()) bad_option("sources", "at least one shard folder", "none");
  impl_ = std::make_unique<Impl>(std::move(sources), mixing_weights, tokenizer, image, prompt, options);
}

Loader::~Loader() = default;

int64_t Loader::batches_per_epoch() const {
  const int64_t images = impl_->options.images_per_batch;
  return (impl_->order.samples() + images - 1) / images;
}

void Loader::seek(DataCursor cursor) {
  DERMIS_CHECK(cursor.batch >= 0, "data cursor");
  impl_->prefetcher.seek(cursor.batch);
}

DataCursor Loader::cursor() const { return {impl_->prefetcher.position()}; }

Batch Loader::next() { return impl_->prefetcher.next(); }

LoaderStats Loader::stats() const {
  return {impl_->prefetcher.wait_s(), impl_->table.dropped_long, impl_->table.cut_long};
}

}  // namespace dermis
