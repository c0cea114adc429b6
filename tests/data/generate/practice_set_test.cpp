#include "data/generate/practice_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "core/error.h"
#include "core/io/hash.h"
#include "data/fields/field_pack.h"
#include "data/generate/noise.h"
#include "data/generate/tissue.h"
#include "data/image/phash.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

TEST(PracticeImage, IsAPureFunctionOfSeedSiteAndIndex) {
  PracticeOptions options;
  options.size = 64;
  const PracticeImage first = make_practice_image(options, 17);
  make_practice_image(options, 3);
  const PracticeImage again = make_practice_image(options, 17);
  EXPECT_EQ(first.image.rgb, again.image.rgb);
  EXPECT_EQ(to_json(first.item), to_json(again.item));
  options.seed = 1;
  EXPECT_NE(make_practice_image(options, 17).image.rgb, first.image.rgb);
  options.seed = 0;
  options.site = Site::b;
  EXPECT_NE(make_practice_image(options, 17).image.rgb, first.image.rgb);
}

TEST(PracticeSet, ThreadsDoNotShow) {
  const testing::TempFolder folder;
  PracticeOptions options;
  options.size = 32;
  options.seed = 9;
  write_practice_set(folder / "one", 20, options, 1);
  write_practice_set(folder / "three", 20, options, 3);
  EXPECT_EQ(sha256_of_file(folder / "one/items.jsonl"), sha256_of_file(folder / "three/items.jsonl"));
}

TEST(PracticeSet, ItemsDescribeTheFilesAndReadBack) {
  const testing::TempFolder folder;
  PracticeOptions options;
  options.size = 48;
  options.classes = {LesionClass::nevus, LesionClass::melanoma};
  const PracticeReport report = write_practice_set(folder / "set", 24, options, 2);
  EXPECT_EQ(report.images, 24);
  const std::vector<Item> items = read_items(folder / "set/items.jsonl");
  ASSERT_EQ(items.size(), 24U);
  std::set<std::string> ids;
  for (const Item& item : items) {
    const std::string path = (folder / "set/") + item.image;
    EXPECT_EQ(item.sha256, sha256_of_file(path));
    const Image image = read_image(path);
    EXPECT_EQ(item.phash, phash_text(perceptual_hash(image)));
    EXPECT_EQ(image.width, 48);
    EXPECT_EQ(item.height, 48);
    EXPECT_TRUE(item.label == "nevus" || item.label == "melanoma");
    EXPECT_EQ(item.licence, "CC0-1.0");
    EXPECT_EQ(item.source, "practice");
    EXPECT_EQ(item.label_basis, "generated");
    EXPECT_TRUE(ids.insert(item.id).second);
    for (const auto& [name, value] : item.metadata) EXPECT_FALSE(value.empty()) << name;
  }
}

TEST(PracticeSet, NeverOverwritesADataSet) {
  const testing::TempFolder folder;
  PracticeOptions options;
  options.size = 16;
  write_practice_set(folder / "set", 2, options, 1);
  EXPECT_THROW(write_practice_set(folder / "set", 2, options, 1), Error);
  options.size = 8;
  EXPECT_THROW(write_practice_set(folder / "tiny", 2, options, 1), Error);
}

TEST(PracticeImage, SomeLesionsHaveSeveralImagesAndSomePatientsSeveralLesions) {
  PracticeOptions options;
  options.size = 16;
  std::map<std::string, std::set<std::string>> lesions_of_patient;
  std::map<std::string, std::set<std::string>> labels_of_lesion;
  std::map<std::string, int> images_of_lesion;
  for (uint64_t i = 0; i < 400; ++i) {
    const Item item = make_practice_image(options, i).item;
    lesions_of_patient[item.patient].insert(item.lesion);
    labels_of_lesion[item.lesion].insert(item.label);
    ++images_of_lesion[item.lesion];
  }
  for (const auto& [lesion, labels] : labels_of_lesion) EXPECT_EQ(labels.size(), 1U) << lesion;
  const auto several = [](const auto& entry) { return entry.second > 1; };
  EXPECT_GT(std::count_if(images_of_lesion.begin(), images_of_lesion.end(), several), 20);
  EXPECT_LT(lesions_of_patient.size(), images_of_lesion.size());
}

// Share of pictures of each class whose attribute holds the value.
std::map<std::string, double> shares(const std::string& attribute, const std::string& value) {
  static const std::vector<Item> items = [] {
    PracticeOptions options;
    options.size = 16;
    std::vector<Item> made;
    for (uint64_t i = 0; i < 1600; ++i) made.push_back(make_practice_image(options, i).item);
    return made;
  }();
  std::map<std::string, double> hits;
  std::map<std::string, double> all;
  for (const Item& item : items) {
    all[item.label] += 1;
    hits[item.label] += item.metadata.at(attribute).find(value) != std::string::npos;
  }
  for (auto& [label, count] : hits) count /= all[label];
  return hits;
}

TEST(PracticeAttributes, SeparateTheClassesAsTheTextbooksDo) {
  const auto asymmetric = shares("symmetry", "asymmetric");
  EXPECT_GT(asymmetric.at("melanoma"), asymmetric.at("nevus") + 0.4);
  const auto milia = shares("structure", "milia-like cysts");
  EXPECT_GT(milia.at("seborrheic_keratosis"), milia.at("melanoma") + 0.4);
  const auto vessels = shares("structure", "branching vessels");
  EXPECT_GT(vessels.at("basal_cell_carcinoma"), vessels.at("squamous_cell_carcinoma") + 0.3);
  const auto scale = shares("structure", "scale");
  EXPECT_GT(scale.at("actinic_keratosis"), scale.at("basal_cell_carcinoma") + 0.4);
  const auto plug = shares("structure", "white centre");
  EXPECT_GT(plug.at("squamous_cell_carcinoma"), plug.at("actinic_keratosis") + 0.3);
  const auto veil = shares("structure", "blue-white veil");
  EXPECT_GT(veil.at("melanoma"), veil.at("nevus") + 0.2);
}

TEST(PracticeAttributes, ArtefactsDoNotGiveTheClassAway) {
  for (const char* artefact : {"ruler", "ink"}) {
    const auto present = shares(artefact, "yes");
    for (const auto& [label, share] : present) {
      EXPECT_NEAR(share, present.at("nevus"), 0.13) << artefact << " " << label;
    }
  }
}

TEST(PracticeAttributes, AreThoseOfTheFieldPack) {
  const FieldPack pack = load_field_pack("dermatology");
  PracticeOptions options;
  options.size = 16;
  for (uint64_t i = 0; i < 200; ++i) {
    const Item item = make_practice_image(options, i).item;
    EXPECT_NE(pack.find_class(item.label), nullptr) << item.label;
    for (const auto& [name, value] : item.metadata) {
      const auto* attribute = pack.find_attribute(name);
      ASSERT_NE(attribute, nullptr) << name;
      const bool many = attribute->kind == AttributeKind::many;
      if (!many && attribute->kind != AttributeKind::one) continue;
      std::string rest = value;
      while (!rest.empty()) {
        const size_t end = many ? std::min(rest.find(", "), rest.size()) : rest.size();
        EXPECT_THAT(attribute->values, ::testing::Contains(rest.substr(0, end))) << name;
        rest.erase(0, end + 2);
      }
    }
  }
}

// What is written down must be what is drawn: the colours inside an asymmetric lesion differ from one half to the
// other more than in a symmetric one, averaged over many.
TEST(PracticeImage, AsymmetryIsDrawn) {
  PracticeOptions options;
  options.size = 64;
  options.modalities = {Modality::dermoscopic};
  double difference[2] = {0, 0};
  int count[2] = {0, 0};
  for (uint64_t i = 0; i < 500; ++i) {
    const PracticeImage made = make_practice_image(options, i);
    if (made.item.metadata.at("hair") == "yes" || made.item.metadata.at("size") == "small") continue;
    double sum = 0;
    for (int y = 8; y < 56; ++y) {
      for (int x = 8; x < 32; ++x) {
        const auto at = [&](int px) { return made.image.rgb[static_cast<size_t>(3 * (y * 64 + px))]; };
        sum += std::abs(at(x) - at(63 - x));
      }
    }
    const int which = made.item.metadata.at("symmetry") == "asymmetric" ? 1 : 0;
    difference[which] += sum / (48 * 24);
    ++count[which];
  }
  ASSERT_GT(count[0], 40);
  ASSERT_GT(count[1], 40);
  EXPECT_GT(difference[1] / count[1], 1.15 * difference[0] / count[0]);
}

TEST(Tissue, TransmissionIsCloseToTheExponential) {
  for (float x = 0; x < 6; x += 0.05F) EXPECT_NEAR(transmitted(x), std::exp(-x), 0.004 * std::exp(-x) + 1e-4) << x;
}

TEST(Noise, StaysInRangeAndIsContinuous) {
  for (int i = 0; i < 2000; ++i) {
    const float x = 0.037F * static_cast<float>(i) - 30;
    const float here = noise(5, x, 0.5F * x);
    EXPECT_LE(std::abs(here), 1);
    EXPECT_LT(std::abs(noise(5, x + 0.001F, 0.5F * x) - here), 0.01F);
  }
}

}  // namespace
}  // namespace dermis
