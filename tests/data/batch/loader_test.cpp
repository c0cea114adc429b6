#include "data/batch/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/io/hash.h"
#include "data/image/encode.h"
#include "data/image/image.h"
#include "data/text/train_tokenizer.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using ::testing::HasSubstr;

std::vector<uint8_t> png_of(int number, int width, int height) {
  Image picture{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      picture.rgb.push_back(static_cast<uint8_t>(y * 5 + number));
      picture.rgb.push_back(static_cast<uint8_t>(x * 3));
      picture.rgb.push_back(static_cast<uint8_t>(number * 37));
    }
  }
  return encode_png(picture);
}

Record record_of(const Item& item, const std::string& type, int n, const std::string& answer) {
  Record record;
  record.id = item.id + "/" + type + "/" + std::to_string(n);
  record.item = item.id;
  record.sha256 = item.sha256;
  record.source = item.source;
  record.licence = item.licence;
  record.label = item.label;
  record.question_type = type;
  record.weight = type == "long" ? 0.5 : 1.0;
  record.turns = {{"What is lesion " + std::to_string(n) + "?", answer, {}}};
  return record;
}

struct ShardPlan {
  int samples = 12;
  int rare = 3;  // the last so many have label "melanoma", the others "nevus"
  std::string prefix = "a";
  std::string long_answer = "It is a brown lesion on the back of the left arm.";
};

std::shared_ptr<const ShardReader> write_shards(const std::string& folder, const ShardPlan& plan) {
  ShardWriter writer(folder, 1 << 18);
  for (int i = 0; i < plan.samples; ++i) {
    ShardSample sample;
    sample.item.id = plan.prefix + std::to_string(i);
    sample.item.image = sample.item.id + ".png";
    sample.item.sha256 = std::string(64, '0');
    sample.item.source = "practice";
    sample.item.licence = "CC0-1.0";
    sample.item.label = i < plan.samples - plan.rare ? "nevus" : "melanoma";
    sample.item.width = 40 + i;
    sample.item.height = 30;
    sample.image = png_of(i, sample.item.width, sample.item.height);
    sample.extension = "png";
    for (int n = 0; n < 3; ++n) sample.records.push_back(record_of(sample.item, "short", n, sample.item.label));
    sample.records.push_back(record_of(sample.item, "long", 0, plan.long_answer));
    writer.add(sample);
  }
  writer.finish({});
  return std::make_shared<ShardReader>(folder);
}

class LoaderTest : public ::testing::Test {
 protected:
  LoaderTest() : tokenizer_(make_tokenizer(temp_ / "tokenizer.model")) {
    format_.size = 16;
    prompt_.tokens_per_image = 4;
    prompt_.image_token = 4;
    options_.seed = 5;
    options_.images_per_batch = 5;
    options_.augment = {true, true, 0.5, 0.2};
  }

  static Tokenizer make_tokenizer(const std::string& path) {
    const auto trained = train_tokenizer(
        {"What is lesion 0?", "It is a brown lesion on the back of the left arm.", "nevus melanoma"}, 320);
    std::ofstream(path, std::ios::binary) << trained.model;
    return Tokenizer::load(path);
  }

  std::shared_ptr<const ShardReader> shards(const ShardPlan& plan = {}) {
    return write_shards(temp_ / ("shards-" + plan.prefix), plan);
  }
  Loader loader(std::vector<std::shared_ptr<const ShardReader>> sources, std::vector<double> weights = {}) {
    return Loader(std::move(sources), std::move(weights), tokenizer_, format_, prompt_, options_);
  }

  testing::TempFolder temp_;
  Tokenizer tokenizer_;
  ImageFormat format_;
  PromptFormat prompt_;
  LoaderOptions options_;
};

// Everything in a batch, as one comparable value.
auto contents(const Batch& b) {
  return std::tuple(b.tokens, b.positions, b.visible_lo, b.visible_hi, b.label_rows, b.label_ids, b.label_weights,
                    b.pixels, b.image_slots, b.image_rows, b.kept_patches, b.sequence_offsets, b.sample_ids);
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string item_of(const std::string& record) { return record.substr(0, record.find('/')); }

TEST_F(LoaderTest, ThreadsChangeNothing) {
  const auto reader = shards();
  options_.threads = 0;
  auto alone = loader({reader});
  options_.threads = 3;
  options_.prefetch = 7;
  auto threaded = loader({reader});
  for (int i = 0; i < 20; ++i) ASSERT_EQ(contents(alone.next()), contents(threaded.next())) << i;
}

TEST_F(LoaderTest, LeavesPatchesOutAndTheRestAsItWas) {
  const auto reader = shards();
  const Batch whole = loader({reader}).next();
  options_.augment.keep_patches = 0.5;
  const Batch half = loader({reader}).next();
  EXPECT_TRUE(whole.kept_patches.empty());
  EXPECT_EQ(half.kept_patches.size(), 10U);  // two of four patches of five pictures
  EXPECT_EQ(half.pixels, whole.pixels);
  EXPECT_EQ(half.label_ids, whole.label_ids);
  EXPECT_EQ(half.token_count(), whole.token_count() - 2 * whole.sequence_count());
}

TEST_F(LoaderTest, SeekEqualsReadingOn) {
  const auto reader = shards();
  auto steady = loader({reader});
  std::vector<Batch> batches;
  for (int i = 0; i < 12; ++i) batches.push_back(steady.next());
  auto jumping = loader({reader});
  for (const int64_t target : {7, 2, 11, 0, 5}) {
    jumping.seek({target});
    EXPECT_EQ(jumping.cursor().batch, target);
    EXPECT_EQ(contents(jumping.next()), contents(batches[static_cast<size_t>(target)])) << target;
    EXPECT_EQ(jumping.cursor().batch, target + 1);
  }
}

TEST_F(LoaderTest, EveryPictureOnceAnEpochWithFreshQuestions) {
  options_.images_per_batch = 6;
  options_.questions_per_image = 2;
  auto data = loader({shards()});
  EXPECT_EQ(data.batches_per_epoch(), 2);
  std::set<std::vector<std::string>> question_sets;
  for (int epoch = 0; epoch < 6; ++epoch) {
    std::map<std::string, int> seen;
    std::vector<std::string> ids;
    for (int b = 0; b < 2; ++b) {
      const auto batch = data.next();
      EXPECT_EQ(batch.image_count, 6);
      EXPECT_EQ(batch.sequence_count(), 12);
      const std::set<std::string> distinct(batch.sample_ids.begin(), batch.sample_ids.end());
      EXPECT_EQ(distinct.size(), 12U);  // without replacement
      for (const auto& id : batch.sample_ids) {
        ++seen[item_of(id)];
        ids.push_back(id);
      }
    }
    EXPECT_EQ(seen.size(), 12U);
    std::sort(ids.begin(), ids.end());
    question_sets.insert(ids);
  }
  EXPECT_GT(question_sets.size(), 4U);
}

TEST_F(LoaderTest, QuestionTypesFollowTheirWeights) {
  options_.question_type_weights = {{"long", 1.0}};
  auto data = loader({shards()});
  for (int i = 0; i < 4; ++i) {
    const auto batch = data.next();
    for (const auto& id : batch.sample_ids) EXPECT_THAT(id, HasSubstr("/long/"));
    for (const float weight : batch.label_weights) EXPECT_EQ(weight, 0.5F);
  }
  options_.question_type_weights = {{"absent", 1.0}};
  EXPECT_THAT(message_of([&] { loader({shards({.prefix = "b"})}); }), HasSubstr("no sample is left"));
}

// A picture has three records of one type and one of the other; types are drawn, and then one of their records.
TEST_F(LoaderTest, AnotherWordingMakesATypeNoMoreFrequent) {
  options_.question_type_weights = {{"short", 1.0}, {"long", 1.0}};
  auto data = loader({shards()});
  int longer = 0, all = 0;
  for (int i = 0; i < 120; ++i) {
    for (const auto& id : data.next().sample_ids) {
      longer += id.find("/long/") != std::string::npos ? 1 : 0;
      ++all;
    }
  }
  EXPECT_EQ(all, 600);
  EXPECT_NEAR(longer, 300, 49);  // four deviations of a fair coin; by records it would be 150
}

TEST_F(LoaderTest, BalancesClasses) {
  options_.balance = "label";
  options_.images_per_batch = 4;
  auto data = loader({shards()});
  std::map<bool, int> counts;
  for (int i = 0; i < 15; ++i) {
    for (const auto& id : data.next().sample_ids) ++counts[std::stoi(item_of(id).substr(1)) >= 9];
  }
  EXPECT_EQ(counts[true], 30);
  EXPECT_EQ(counts[false], 30);
}

TEST_F(LoaderTest, MixesSourcesByWeight) {
  options_.images_per_batch = 64;
  auto data = loader({shards({.prefix = "a"}), shards({.samples = 3, .prefix = "b"})}, {3.0, 1.0});
  std::map<char, int> counts;
  for (int i = 0; i < 16; ++i) {
    for (const auto& id : data.next().sample_ids) ++counts[id[0]];
  }
  EXPECT_EQ(counts['a'], 768);
  EXPECT_EQ(counts['b'], 256);
  EXPECT_THAT(message_of([&] { loader({shards({.prefix = "c"})}, {1.0, 2.0}); }), HasSubstr("one for each of 1"));
}

TEST_F(LoaderTest, CacheChangesNoPixelWithoutCrops) {
  options_.augment = {true, true, 1.0, 0.1};
  const auto reader = shards();
  auto plain = loader({reader});
  options_.cache_decoded = true;
  auto cached = loader({reader});
  for (int i = 0; i < 8; ++i) ASSERT_EQ(contents(plain.next()), contents(cached.next()));
}

TEST_F(LoaderTest, WithoutAugmentationPixelsAreTheModelsOwn) {
  options_.augment = {};
  const auto reader = shards();
  auto data = loader({reader});
  const auto batch = data.next();
  const size_t bytes = 3 * 16 * 16;
  for (size_t i = 0; i < 5; ++i) {
    const int number = std::stoi(item_of(batch.sample_ids[i]).substr(1));
    std::vector<uint8_t> expected(bytes);
    to_planes(decode_image(reader->image_bytes(number), "x"), format_, expected.data());
    EXPECT_EQ(std::vector<uint8_t>(batch.pixels.begin() + static_cast<std::ptrdiff_t>(i * bytes),
                                   batch.pixels.begin() + static_cast<std::ptrdiff_t>((i + 1) * bytes)),
              expected);
  }
}

TEST_F(LoaderTest, LongRecordsAreDroppedOrCutAndCounted) {
  const auto reader = shards();
  options_.questions_per_image = 4;
  const size_t question = tokenizer_.encode("What is lesion 0?").size();
  options_.max_tokens = 4 + 1 + static_cast<int>(question) + 1 + 5 + 1;
  const auto short_fits = tokenizer_.encode("melanoma").size() <= 5;
  ASSERT_TRUE(short_fits);
  auto dropping = loader({reader});
  EXPECT_EQ(dropping.stats().dropped_long, 12);
  EXPECT_EQ(dropping.next().sequence_count(), 15);
  options_.long_text = LongText::cut;
  auto cutting = loader({reader});
  EXPECT_EQ(cutting.stats().cut_long, 12);
  EXPECT_EQ(cutting.stats().dropped_long, 0);
  const auto batch = cutting.next();
  EXPECT_EQ(batch.sequence_count(), 20);
  for (int64_t s = 0; s < batch.sequence_count(); ++s) {
    const auto at = static_cast<size_t>(s);
    EXPECT_LE(batch.sequence_offsets[at + 1] - batch.sequence_offsets[at], options_.max_tokens);
  }
}

TEST_F(LoaderTest, NamesTheSampleThatCannotBeUsed) {
  EXPECT_THAT(message_of([&] { loader({shards({.prefix = "e", .long_answer = ""})}); }),
              ::testing::AllOf(HasSubstr("no answer"), HasSubstr("e0/long/0"), HasSubstr("shard-000000.tar")));
  options_.balance = "labels";
  EXPECT_THAT(message_of([&] { loader({shards()}); }), HasSubstr("none or label"));
}

TEST_F(LoaderTest, DamagedPictureIsNamedAndTheNextCallTriesAgain) {
  shards();
  const std::string tar = temp_ / "shards-a/shard-000000.tar";
  std::fstream file(tar, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(512 + 40);
  file << "damage";
  file.close();
  auto data = loader({std::make_shared<ShardReader>(temp_ / "shards-a")});
  std::string message;
  for (int i = 0; i < 4 && message.empty(); ++i) {
    try {
      data.next();
    } catch (const Error& error) {
      message = error.what();
    }
  }
  EXPECT_THAT(message, HasSubstr("shard-000000.tar, a0.png"));
  EXPECT_THROW(data.next(), Error);
}

TEST_F(LoaderTest, StopsCleanlyInTheMiddleOfWork) {
  const auto reader = shards();
  options_.prefetch = 16;
  for (int i = 0; i < 10; ++i) {
    auto data = loader({reader});
    if (i % 2 == 0) data.next();
  }
  auto data = loader({reader});
  for (int i = 0; i < 30; ++i) {
    data.seek({i * 3});
    if (i % 3 == 0) data.next();
  }
  EXPECT_GE(data.stats().wait_s, 0.0);
}

}  // namespace
}  // namespace dermis
