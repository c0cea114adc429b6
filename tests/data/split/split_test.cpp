#include "data/split/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <set>

#include "core/error.h"
#include "core/io/atomic_file.h"
#include "core/random.h"
#include "data/image/phash.h"
#include "data/split/near_duplicates.h"
#include "tests/data/sources/source_folder.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using Link = std::pair<size_t, size_t>;

uint64_t draw(Random& random) {
  const uint64_t high = random.bits();
  return (high << 32) | random.bits();
}

Item item_of(const std::string& id, const std::string& label, Random& random) {
  Item item;
  item.id = id;
  item.image = id + ".png";
  item.source = "test";
  item.label = label;
  item.sha256 =
      phash_text(draw(random)) + phash_text(draw(random)) + phash_text(draw(random)) + phash_text(draw(random));
  item.phash = phash_text(draw(random));
  return item;
}

std::vector<Item> many_items(size_t count, uint64_t seed = 5) {
  Random random(seed, RandomPurpose::selftest);
  std::vector<Item> items;
  for (size_t i = 0; i < count; ++i) {
    Item item = item_of("i" + std::to_string(i), i % 10 == 0 ? "melanoma" : "nevus", random);
    item.patient = "p" + std::to_string(i / 3);
    items.push_back(item);
  }
  return items;
}

TEST(NearDuplicates, FindsExactlyThePairsWithinTheThreshold) {
  Random random(1, RandomPurpose::selftest);
  std::vector<uint64_t> hashes;
  for (int i = 0; i < 300; ++i) {
    uint64_t hash = i % 3 == 0 || hashes.empty() ? draw(random) : hashes.back();
    if (i % 3 != 0) {
      for (uint64_t flips = 1 + random.below(7); flips > 0; --flips) hash ^= uint64_t{1} << random.below(64);
    }
    hashes.push_back(hash);
  }
  for (const int bits : {0, 1, 4, 7}) {
    std::vector<Link> brute;
    for (size_t i = 0; i < hashes.size(); ++i) {
      for (size_t j = i + 1; j < hashes.size(); ++j) {
        if (std::popcount(hashes[i] ^ hashes[j]) <= bits && hashes[i] != hashes[j]) brute.emplace_back(i, j);
      }
    }
    std::vector<Link> links = near_duplicate_links(hashes, bits);
    std::erase_if(links, [&](const Link& link) { return hashes[link.first] == hashes[link.second]; });
    EXPECT_EQ(links, brute) << bits;
  }
}

TEST(NearDuplicates, EqualHashesMeetTheFirstAndTheLatest) {
  EXPECT_THAT(near_duplicate_links({7, 7, 7, 7}, 2),
              ElementsAre(Link{0, 1}, Link{0, 2}, Link{0, 3}, Link{1, 2}, Link{2, 3}));
}

TEST(NearDuplicates, FiftyThousandTakeNoTime) {
  Random random(2, RandomPurpose::selftest);
  std::vector<uint64_t> hashes;
  for (int i = 0; i < 50000; ++i) hashes.push_back(draw(random));
  EXPECT_THAT(near_duplicate_links(hashes, kCandidateBits), IsEmpty());
}

TEST(Groups, PatientLesionBytesAndLooksJoin) {
  Random random(3, RandomPurpose::selftest);
  std::vector<Item> items;
  for (int i = 0; i < 9; ++i) items.push_back(item_of("i" + std::to_string(i), "nevus", random));
  items[0].patient = items[1].patient = "p";
  items[2].lesion = items[3].lesion = "l";
  items[2].patient = "q";  // lesion "l" of another patient is another lesion
  items[3].patient = "r";
  items[4].sha256 = items[5].sha256;
  items[6].phash = phash_text(phash_value(items[7].phash) ^ 5);
  const Groups groups = leakage_groups(items, {});
  EXPECT_EQ(groups.size(), 6U);
  EXPECT_EQ(groups.of[0], groups.of[1]);
  EXPECT_NE(groups.of[2], groups.of[3]);
  EXPECT_EQ(groups.of[4], groups.of[5]);
  EXPECT_EQ(groups.of[6], groups.of[7]);
  EXPECT_THAT(groups.joined, ElementsAre(1, 0, 1, 1));
}

TEST(LookAlikes, RecolouredCopiesCorrelateAndOtherPicturesDoNot) {
  const Image image = testing::patterned_image(1);
  Image darker = resize(image, 40, 40, ResampleFilter::bicubic);
  for (uint8_t& value : darker.rgb) value = static_cast<uint8_t>(20 + value / 2);
  EXPECT_GT(grey_correlation(image, darker), kSameCorrelation);
  EXPECT_LT(grey_correlation(image, testing::patterned_image(2)), 0.6);
  EXPECT_EQ(grey_correlation(image, Image{8, 8, std::vector<uint8_t>(192, 50)}), 0);
}

TEST(LookAlikes, PixelsDecideWhereThePicturesCanBeOpened) {
  const testing::TempFolder folder;
  Random random(4, RandomPurpose::selftest);
  std::vector<Item> items{item_of("a", "nevus", random), item_of("b", "nevus", random), item_of("c", "nevus", random)};
  for (Item& item : items) item.phash = items[0].phash;
  testing::write_picture(folder / "a.png", 1);
  testing::write_picture(folder / "b.png", 1, 96);
  testing::write_picture(folder / "c.png", 2);
  const LookAlikes found = find_look_alikes(items, folder.path().string(), kCandidateBits);
  EXPECT_THAT(found.links, ElementsAre(Link{0, 1}));
  EXPECT_EQ(found.compared, 3);
  const LookAlikes blind = find_look_alikes(items, (folder / "nowhere"), kCandidateBits);
  EXPECT_THAT(blind.links, SizeIs(3));
  EXPECT_EQ(blind.not_compared, 3);
}

TEST(Groups, RenderedPicturesMayLookAlike) {
  Random random(3, RandomPurpose::selftest);
  std::vector<Item> items{item_of("a", "nevus", random), item_of("b", "nevus", random)};
  items[1].phash = items[0].phash;
  for (Item& item : items) item.label_basis = "generated";
  EXPECT_EQ(leakage_groups(items, {}).size(), 2U);
}

TEST(Split, NoGroupCrossesAndLabelsAreBalanced) {
  const SplitResult result = split_items(many_items(600), {});
  std::map<std::string, std::set<std::string>> sides;
  for (const Item& item : result.items) sides[item.group].insert(item.split);
  EXPECT_THAT(sides, SizeIs(200));
  for (const auto& [group, splits] : sides) EXPECT_THAT(splits, SizeIs(1));
  const auto& counts = result.report.counts;
  EXPECT_NEAR(static_cast<double>(counts.at("test").at("melanoma")), 12, 2);  // 20 % of 60
  EXPECT_NEAR(static_cast<double>(counts.at("val").at("melanoma")), 6, 2);
  EXPECT_NEAR(static_cast<double>(counts.at("test").at("nevus")), 108, 4);
}

TEST(Split, DependsOnSeedAloneAndNotOnOrder) {
  std::vector<Item> items = many_items(120);
  const SplitResult first = split_items(items, {});
  std::reverse(items.begin(), items.end());
  EXPECT_EQ(split_items(items, {}).report.checksum, first.report.checksum);
  SplitOptions other;
  other.seed = 1;
  EXPECT_NE(split_items(items, other).report.checksum, first.report.checksum);
}

TEST(Split, OfficialSplitsStayAndTheirLeaksAreMended) {
  std::vector<Item> items = many_items(60);
  for (size_t i = 0; i < items.size(); ++i) items[i].split = i < 45 ? "train" : i < 50 ? "val" : "test";
  items[3].sha256 = items[55].sha256;  // train and test, and with them their patients' other pictures
  SplitOptions options;
  options.keep_official = true;
  const SplitResult kept = split_items(items, options);
  ASSERT_THAT(kept.report.leaks, SizeIs(2));  // also patient p16: i48, i49 (val) and i50 (test)
  EXPECT_EQ(kept.items.size(), 60U);
  EXPECT_EQ(kept.items[3].split, "train");
  options.fix_leaks = true;
  const SplitResult mended = split_items(items, options);
  EXPECT_THAT(mended.report.removed,
              UnorderedElementsAre("i3 (train)", "i4 (train)", "i5 (train)", "i48 (val)", "i49 (val)"));
  EXPECT_THAT(find_leaks(mended.items, leakage_groups(mended.items, {})), IsEmpty());
}

TEST(Split, ValComesFromTrainingGroupsWhenTheSourceHasNone) {
  std::vector<Item> items = many_items(300);
  for (size_t i = 0; i < items.size(); ++i) items[i].split = i < 210 ? "train" : "test";
  SplitOptions options;
  options.keep_official = true;
  const SplitResult result = split_items(items, options);
  std::map<std::string, int64_t> counts;
  for (const Item& item : result.items) ++counts[item.split];
  EXPECT_EQ(counts["test"], 90);
  EXPECT_NEAR(static_cast<double>(counts["val"]), 21, 3);
}

TEST(Split, ATestSetAlone) {
  SplitOptions options;
  options.val = 0;
  options.test = 1;
  EXPECT_EQ(split_items(many_items(30), options).report.counts.size(), 1U);
  EXPECT_TRUE(split_items(many_items(30), options).report.counts.contains("test"));
  options.val = 0.3;
  options.test = 0.7;
  EXPECT_EQ(split_items(many_items(60), options).report.counts.size(), 2U);  // without train
  std::vector<Item> items = many_items(30);
  for (Item& item : items) item.split = "test";
  SplitOptions official;
  official.keep_official = true;
  for (const double val : {0.1, 0.0}) {
    official.val = val;
    const SplitResult result = split_items(items, official);
    EXPECT_EQ(result.report.counts.size(), 1U);
    for (const Item& item : result.items) EXPECT_EQ(item.split, "test");
  }
  items[0].split = items[1].split = items[2].split = "";  // patient p0: to train, and of it nothing can go to val
  EXPECT_NO_THROW(split_items(items, official));
}

TEST(Split, WrongSharesAndEmptySidesAreErrors) {
  SplitOptions options;
  options.val = 0.5;
  options.test = 0.6;
  EXPECT_THROW(split_items(many_items(30), options), Error);
  std::vector<Item> one_patient = many_items(3);
  EXPECT_THROW(split_items(one_patient, {}), Error);
}

TEST(Split, AStratumThatNoItemHasIsRefusedWithTheKnownOnes) {
  std::vector<Item> items = many_items(60);
  for (Item& item : items) item.metadata = {{"sex", "male"}, {"age", "55"}};
  SplitOptions options;
  options.stratum = "sex";
  EXPECT_NO_THROW(split_items(items, options));
  options.stratum = "foo";
  try {
    split_items(items, options);
    FAIL() << "nothing failed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(error.info().expected, "age, sex");
    EXPECT_EQ(error.info().found, "foo");
  }
}

TEST(Split, TheFrozenManifestNoticesEdits) {
  const testing::TempFolder folder;
  SplitResult result = split_items(many_items(60), {});
  write_file_atomically(folder / "split.json", to_json(result.report, result.items).dump());
  EXPECT_NO_THROW(verify_split(folder / "split.json", result.items));
  result.items[7].split = result.items[7].split == "train" ? "test" : "train";
  EXPECT_THROW(verify_split(folder / "split.json", result.items), Error);
}

}  // namespace
}  // namespace dermis
