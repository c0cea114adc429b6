// Every byte of a small shard folder changed, and every length cut: an error of the data, never a crash and never other
// samples than were written.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "core/error.h"
#include "core/io/jsonl.h"
#include "core/io/read_file.h"
#include "core/random.h"
#include "data/shard/build_shards.h"
#include "data/shard/shard.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;

ShardSample small_sample(const std::string& id) {
  ShardSample sample;
  sample.item.id = id;
  sample.item.image = id + ".png";
  sample.item.sha256 = std::string(64, 'a');
  sample.item.source = "practice";
  sample.item.licence = "CC0-1.0";
  sample.item.label = "nevus";
  sample.extension = "png";
  for (int i = 0; i < 90; ++i) sample.image.push_back(static_cast<uint8_t>(i));
  Record record;
  record.id = id + "/diagnosis/0";
  record.item = id;
  record.sha256 = sample.item.sha256;
  record.source = "practice";
  record.licence = "CC0-1.0";
  record.label = "nevus";
  record.turns = {{"What is it?", "nevus", {"melanoma", "nevus"}}};
  sample.records = {record};
  return sample;
}

class ShardDamage : public ::testing::Test {
 protected:
  void SetUp() override {
    ShardWriter writer(folder(), 1 << 20);
    for (const char* id : {"a", "b"}) writer.add(small_sample(id));
    writer.finish({});
    whole_ = content(false);
  }
  std::string folder() const { return temp_ / "shards"; }
  // Everything that reading gives; "" when it ends in an error, which must be one of the data.
  std::string content(bool verify) const {
    std::string all;
    try {
      const ShardReader reader(folder(), verify);
      for (int64_t i = 0; i < reader.size(); ++i) {
        const ShardSample sample = reader.read(i);
        all += sample.key + to_json(sample.item).dump() + std::string(sample.image.begin(), sample.image.end());
        for (const Record& record : sample.records) all += to_json(record).dump();
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data) << error.what();
      return "";
    }
    return all;
  }
  void put(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder() + "/" + name, std::ios::binary | std::ios::trunc) << bytes;
  }
  // Calls look(place) with each byte of a file changed in turn, then with the file cut at each length.
  void damage(const std::string& name, const std::function<void(const std::string& place)>& look) const {
    const std::string bytes = read_file(folder() + "/" + name);
    Random random(3, RandomPurpose::selftest);
    for (size_t at = 0; at<bytes.size(); at += bytes.size()> 3000 ? 1 + random.below(12) : 1) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ (1 + random.below(255)));
      put(name, changed);
      look(name + ", byte " + std::to_string(at));
      put(name, bytes.substr(0, at));
      look(name + ", cut at " + std::to_string(at));
    }
    put(name, bytes);
  }

  testing::TempFolder temp_;
  std::string whole_;
};

TEST_F(ShardDamage, TarAndIndexAreCoveredByTheirHashes) {
  ASSERT_NE(whole_, "");
  for (const char* name : {"shard-000000.tar", "index.bin"}) {
    damage(name, [&](const std::string& place) { EXPECT_EQ(content(true), "") << place; });
  }
  EXPECT_EQ(content(true), whole_);
}

TEST_F(ShardDamage, WithoutHashingTheTarItsSamplesStayWhatTheyWere) {
  damage("shard-000000.tar", [&](const std::string& place) {
    const std::string found = content(false);
    EXPECT_TRUE(found.empty() || found == whole_) << place;  // bytes between members say nothing
  });
}

TEST_F(ShardDamage, AManifestNeverChangesSamples) {
  damage("manifest.json", [&](const std::string& place) {
    const std::string found = content(true);
    EXPECT_TRUE(found.empty() || found == whole_) << place;
  });
}

TEST_F(ShardDamage, RecordLinesAreReadOrRefused) {
  const std::string path = temp_ / "records.jsonl";
  const std::string line = to_json(small_sample("a").records[0]).dump() + "\n";
  int refused = 0;
  for (size_t at = 0; at < line.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string changed = line;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      std::ofstream(path, std::ios::binary | std::ios::trunc) << changed;
      try {
        read_records(path);
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::data) << error.what();
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, static_cast<int>(line.size()));  // at least every byte that is no longer ASCII
}

}  // namespace
}  // namespace dermis
