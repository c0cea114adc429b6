// Pictures that a model has seen are known again in another folder, under other ids and in other groups.
#include "data/shard/known_pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "core/io/hash.h"
#include "data/image/encode.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A bright square on dark ground at one of many places: pictures of different places hardly correlate.
Image picture(int place, uint8_t bright = 220) {
  Image image{64, 64, std::vector<uint8_t>(size_t{3} * 64 * 64, 30)};
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 16; ++x) {
      const int at = (place / 4 * 16 + y) * 64 + place % 4 * 16 + x;
      for (int c = 0; c < 3; ++c) image.rgb[static_cast<size_t>(3 * at + c)] = bright;
    }
  }
  return image;
}

ShardSample sample(const std::string& id, const Image& image, const std::string& phash) {
  ShardSample made;
  made.image = encode_png(image);
  made.extension = "png";
  made.item.id = id;
  made.item.image = id + ".png";
  made.item.source = "clinic";
  made.item.licence = "CC0-1.0";
  made.item.sha256 = sha256_hex(std::as_bytes(std::span(made.image)));
  made.item.phash = phash;
  made.item.group = "group of " + id;
  Record record;
  record.id = id + "/q/0";
  record.item = id;
  record.turns = {{"what is it?", "a square", {}}};
  made.records = {record};
  return made;
}

class KnownPictures : public ::testing::Test {
 protected:
  ShardReader shards(const std::string& name, const std::vector<ShardSample>& samples) {
    ShardWriter writer(folder_ / name, 1 << 20);
    for (const ShardSample& one : samples) writer.add(one);
    writer.finish({});
    return ShardReader(folder_ / name);
  }
  // After a way through the file, as evaluation meets it.
  static SeenPictures seen_in(const ShardReader& reader) {
    SeenPictures seen;
    seen.add(reader);
    return seen_pictures_from_json(to_json(seen), "train_manifest.json");
  }
  static std::vector<std::string> known_by(const Recognition& found) {
    std::vector<std::string> words;
    for (const KnownPicture& one : found.known) words.push_back(one.item + ": " + describe(one.by));
    return words;
  }
  testing::TempFolder folder_;
};

constexpr const char* kFar = "ffffffffffffffff";
constexpr const char* kNone = "";

TEST_F(KnownPictures, EqualBytesUnderOtherIdsAndGroups) {
  const auto trained = shards("train", {sample("a", picture(0), "0000000000000001"), sample("b", picture(5), kFar)});
  const auto held_out =
      shards("test", {sample("other id", picture(0), kNone), sample("new", picture(9), "00000000ffffffff")});
  const Recognition found = recognise(seen_in(trained), held_out);
  EXPECT_THAT(known_by(found), ElementsAre("other id: the same bytes"));
  EXPECT_THAT(describe(found), HasSubstr("1 picture (1 by the same bytes), e.g. other id"));
}

TEST_F(KnownPictures, PatientsAndLesionsOfTheSameSource) {
  const auto with = [](ShardSample one, const std::string& source, const std::string& patient,
                       const std::string& lesion) {
    one.item.source = source;
    one.item.patient = patient;
    one.item.lesion = lesion;
    return one;
  };
  const auto trained = shards("train", {with(sample("a", picture(0), kNone), "clinic", "Smith", "left arm"),
                                        with(sample("b", picture(1), kNone), "clinic", "", "L7")});
  const auto held_out = shards("test", {with(sample("p", picture(2), kNone), "clinic", "Smith", "nose"),
                                        with(sample("q", picture(3), kNone), "clinic", "Smith", "left arm"),
                                        with(sample("r", picture(4), kNone), "clinic", "", "L7"),
                                        with(sample("s", picture(5), kNone), "hospital", "Smith", "left arm"),
                                        with(sample("t", picture(6), kNone), "clinic", "Jones", "left arm")});
  const SeenPictures seen = seen_in(trained);
  EXPECT_THAT(known_by(recognise(seen, held_out)),
              ElementsAre("p: the same patient", "q: the same lesion", "r: the same lesion"));
  EXPECT_THAT(to_json(seen).dump(), Not(HasSubstr("Smith"))) << "a model folder may travel further than the data";
}

TEST_F(KnownPictures, LooksAreConfirmedByPixelsWhereTheSeenPictureIsAtHand) {
  const auto trained = shards("train", {sample("a", picture(0), "00000000000000ff")});
  // Within 2, 4 and more than 8 bits of the seen hash; only the first and the last show the same.
  const auto held_out = shards(
      "test", {sample("copy", picture(0, 140), "00000000000000fe"), sample("other", picture(10), "00000000000000f0"),
               sample("far in hash", picture(0, 150), "0000000000ffffff")});
  const SeenPictures seen = seen_in(trained);
  Recognition found = recognise(seen, held_out);
  EXPECT_THAT(known_by(found), ElementsAre("copy: the same looks"));
  EXPECT_EQ(found.by_hash_alone, 0);
  EXPECT_THAT(found.gaps, IsEmpty());
  std::filesystem::rename(folder_.path() / "train", folder_.path() / "moved");
  found = recognise(seen, held_out);
  EXPECT_THAT(known_by(found), ElementsAre("copy: the same looks"));
  EXPECT_EQ(found.by_hash_alone, 1);
  EXPECT_THAT(found.gaps, ElementsAre(HasSubstr("1 picture of " + held_out.folder() + " near to a trained one")));
}

TEST_F(KnownPictures, RenderedPicturesMayLookAlike) {
  ShardSample rendered = sample("a", picture(0), "00000000000000ff");
  ShardSample alike = sample("b", picture(0, 219), "00000000000000ff");
  rendered.item.label_basis = alike.item.label_basis = "generated";
  const auto trained = shards("train", {rendered});
  const auto held_out = shards("test", {alike});
  EXPECT_TRUE(recognise(seen_in(trained), held_out).clean());
}

TEST_F(KnownPictures, GroupsOfTheSamplesCountNotThoseOfTheManifest) {
  ShardSample one = sample("a", picture(0), "00000000000000ff");
  ShardSample two = sample("b", picture(9), "ff00000000000000");
  two.item.group = one.item.group;
  EXPECT_THAT(known_by(recognise(seen_in(shards("train", {one})), shards("test", {two}))),
              ElementsAre("b: the same leakage group"));
}

TEST_F(KnownPictures, WhatCannotBeComparedIsAGap) {
  ShardSample ungrouped = sample("a", picture(0), "00000000000000ff");
  ungrouped.item.group.clear();
  ShardSample nameless = sample("b", picture(9), kNone);
  nameless.item.sha256.clear();
  const auto trained = shards("train", {ungrouped});
  const auto held_out = shards("test", {nameless});
  const Recognition found = recognise(seen_in(trained), held_out);
  EXPECT_THAT(found.known, IsEmpty());
  EXPECT_FALSE(found.clean());
  EXPECT_THAT(found.gaps, ElementsAre(HasSubstr("1 picture of " + trained.folder() + " without a leakage group"),
                                      HasSubstr("1 picture of " + held_out.folder() + " without a hash")));
}

TEST_F(KnownPictures, ManifestsAddUp) {
  SeenPictures seen = seen_in(shards("one", {sample("a", picture(0), kNone)}));
  seen.add(seen_in(shards("two", {sample("b", picture(1), kNone), sample("c", picture(0), kNone)})));
  EXPECT_EQ(seen.pictures.size(), 2U) << "the same bytes are one picture";
  EXPECT_EQ(seen.shards.size(), 2U);
  EXPECT_THAT(seen.groups, ElementsAre("group of a", "group of b", "group of c"));
}

TEST(TrainManifest, OlderAndAbsentOnesAreGaps) {
  const testing::TempFolder folder;
  EXPECT_THAT(read_train_manifest(folder.path().string()).gaps, ElementsAre(HasSubstr("no train_manifest.json")));
  std::ofstream(folder / "train_manifest.json") << R"({"groups": ["g1"], "shards": [], "stages": ["only"]})";
  const SeenPictures seen = read_train_manifest(folder.path().string());
  EXPECT_THAT(seen.groups, ElementsAre("g1"));
  EXPECT_THAT(seen.gaps, ElementsAre(HasSubstr("leakage groups alone")));
}

TEST(TrainManifest, ABrokenLineIsNamed) {
  for (const char* line : {"abc - - -", "- - -", "- - - - -", "- 00000000000000fg - -", ""}) {
    const nlohmann::ordered_json json = {{"groups", nlohmann::ordered_json::array()}, {"pictures", {line}}};
    EXPECT_THROW(seen_pictures_from_json(json, "m"), Error) << line;
  }
}

}  // namespace
}  // namespace dermis
