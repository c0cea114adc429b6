#include "data/shard/shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "core/error.h"
#include "core/io/hash.h"
#include "core/io/read_file.h"
#include "data/shard/shard_key.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

ShardSample sample_of(const std::string& id, size_t image_bytes = 700) {
  ShardSample sample;
  sample.item.id = id;
  sample.item.image = id + ".jpg";
  sample.item.sha256 = std::string(64, 'a');
  sample.item.source = "practice";
  sample.item.licence = "CC0-1.0";
  sample.item.label = id.size() % 2 == 0 ? "nevus" : "melanoma";
  sample.item.group = "group-" + id;
  sample.extension = "jpg";
  for (size_t i = 0; i < image_bytes; ++i) sample.image.push_back(static_cast<uint8_t>(i * 7 + id.size()));
  for (int n = 0; n < 2; ++n) {
    Record record;
    record.id = id + "/diagnosis/" + std::to_string(n);
    record.item = id;
    record.sha256 = sample.item.sha256;
    record.source = sample.item.source;
    record.licence = sample.item.licence;
    record.label = sample.item.label;
    record.question_type = "diagnosis";
    record.turns = {{"What is it?\n\"quoted\"", "A naïve 皮膚 answer.", {}}};
    sample.records.push_back(record);
  }
  return sample;
}

constexpr int kSamples = 300;  // several tars of 64 KiB

ShardManifest write_shards(const std::string& folder, int samples = kSamples) {
  ShardWriter writer(folder, 1 << 16);
  for (int i = 0; i < samples; ++i) writer.add(sample_of("item" + std::to_string(i), 300 + static_cast<size_t>(i)));
  ShardManifest facts;
  facts.split = "train";
  facts.field = "dermatology";
  return writer.finish(facts);
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.kind() == ErrorKind::data ? error.what() : std::string("wrong kind: ") + error.what();
  }
  return "no error";
}

std::string read_all(const std::string& folder, bool verify = false) {
  return message_of([&] {
    const ShardReader reader(folder, verify);
    for (int64_t i = 0; i < reader.size(); ++i) reader.read(i);
  });
}

void overwrite(const std::string& path, std::streamoff offset, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(offset);
  file << bytes;
}

TEST(Shards, ReadBackWhatWasWritten) {
  testing::TempFolder temp;
  const auto written = write_shards(temp / "shards");
  EXPECT_EQ(written.samples, kSamples);
  EXPECT_EQ(written.records, 2 * kSamples);
  EXPECT_GT(written.files.size(), 3U);
  const ShardReader reader(temp / "shards", true);
  ASSERT_EQ(reader.size(), kSamples);
  EXPECT_EQ(reader.manifest().fingerprint, written.fingerprint);
  EXPECT_EQ(reader.manifest().split, "train");
  EXPECT_EQ(reader.manifest().labels, (std::vector<std::string>{"melanoma", "nevus"}));
  EXPECT_EQ(reader.manifest().groups.size(), static_cast<size_t>(kSamples));
  for (const int64_t index : {int64_t{299}, int64_t{0}, int64_t{150}}) {
    const auto expected = sample_of("item" + std::to_string(index), 300 + static_cast<size_t>(index));
    const auto sample = reader.read(index);
    EXPECT_EQ(sample.key, expected.item.id);
    EXPECT_EQ(sample.image, expected.image);
    EXPECT_EQ(to_json(sample.item), to_json(expected.item));
    ASSERT_EQ(sample.records.size(), 2U);
    EXPECT_EQ(to_json(sample.records[1]), to_json(expected.records[1]));
    EXPECT_TRUE(std::equal(sample.image.begin(), sample.image.end(), reader.image_bytes(index).begin()));
  }
}

TEST(Shards, AnItemAloneIsThatOfItsSample) {
  const testing::TempFolder folder;
  ShardSample odd = sample_of("odd");
  odd.item.metadata = {{"records", "[1]"}, {"note", R"(},"records":[)"}};
  ShardWriter writer(folder / "shards", 1 << 16);
  writer.add(odd);
  writer.finish({});
  const ShardReader reader(folder / "shards");
  EXPECT_EQ(to_json(reader.read_item(0)), to_json(odd.item));
}

TEST(Shards, EqualInputGivesEqualBytes) {
  testing::TempFolder temp;
  write_shards(temp / "a");
  write_shards(temp / "b");
  for (const auto& entry : fs::directory_iterator(temp / "a")) {
    const auto other = fs::path(temp / "b") / entry.path().filename();
    EXPECT_EQ(read_file(entry.path().string()), read_file(other.string())) << entry.path();
  }
}

std::string output_of(const std::string& command) {
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return output;
  char buffer[4096];
  while (const size_t count = fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, count);
  return pclose(pipe) == 0 ? output : "failed: " + output;
}

TEST(Shards, OtherToolsReadTheTars) {
  testing::TempFolder temp;
  write_shards(temp / "shards", 3);
  const std::string tar = temp / "shards/shard-000000.tar";
  const std::string listing = "item0.jpg\nitem0.json\nitem1.jpg\nitem1.json\nitem2.jpg\nitem2.json\n";
  if (std::system("tar --version > /dev/null 2>&1") == 0) {
    EXPECT_EQ(output_of("tar tf " + tar + " 2>&1"), listing);
    EXPECT_EQ(output_of("tar xOf " + tar + " item2.jpg | wc -c"), "302\n");
  }
  if (std::system("python3 --version > /dev/null 2>&1") == 0) {
    EXPECT_EQ(output_of("python3 -c \"import tarfile; print('\\n'.join(tarfile.open('" + tar + "').getnames()))\""),
              listing);
  }
}

TEST(Shards, NothingStaysOfAnUnfinishedFolder) {
  testing::TempFolder temp;
  {
    ShardWriter writer(temp / "shards", 1 << 20);
    writer.add(sample_of("a"));
  }
  EXPECT_TRUE(fs::is_empty(temp.path()));
}

TEST(Shards, WriterRefusesWhatReadersCouldNotTell) {
  testing::TempFolder temp;
  ShardWriter writer(temp / "shards", 1 << 20);
  writer.add(sample_of("a"));
  EXPECT_THAT(message_of([&] { writer.add(sample_of("a")); }), HasSubstr("item a"));
  auto other = sample_of("b");
  other.records[0].item = "c";
  EXPECT_THAT(message_of([&] { writer.add(other); }), HasSubstr("another item"));
  auto empty = sample_of("d");
  empty.image.clear();
  EXPECT_THAT(message_of([&] { writer.add(empty); }), HasSubstr("no bytes"));
  fs::create_directory(temp / "taken");
  EXPECT_THAT(message_of([&] { ShardWriter(temp / "taken", 1 << 20); }), HasSubstr("exists already"));
  ShardWriter none(temp / "none", 1 << 20);
  EXPECT_THAT(message_of([&] { none.finish({}); }), HasSubstr("no sample"));
}

TEST(Shards, KeysAreSafeAndDistinct) {
  EXPECT_EQ(shard_key("ISIC_0000001"), "ISIC_0000001");
  EXPECT_NE(shard_key("a/b.c"), shard_key("a_b_c"));
  EXPECT_EQ(shard_key("a/b.c").find_first_of("/."), std::string::npos);
  EXPECT_LE(shard_key(std::string(500, 'x')).size(), 80U);
  EXPECT_NE(shard_key(std::string(500, 'x')), shard_key(std::string(501, 'x')));
}

class DamagedShards : public ::testing::Test {
 protected:
  void SetUp() override { manifest_ = write_shards(folder()); }
  std::string folder() const { return temp_ / "shards"; }
  std::string file(const std::string& name) const { return folder() + "/" + name; }
  testing::TempFolder temp_;
  ShardManifest manifest_;
};

TEST_F(DamagedShards, Missing) {
  fs::remove(file("shard-000001.tar"));
  EXPECT_THAT(read_all(folder()), HasSubstr("shard-000001.tar"));
  fs::remove(file("index.bin"));
  EXPECT_THAT(read_all(folder()), HasSubstr("index.bin"));
  fs::remove(file("manifest.json"));
  EXPECT_THAT(read_all(folder()), HasSubstr("manifest.json"));
  EXPECT_THAT(read_all(temp_ / "nowhere"), HasSubstr("no shard folder"));
}

TEST_F(DamagedShards, Truncated) {
  fs::resize_file(file("shard-000002.tar"), fs::file_size(file("shard-000002.tar")) - 1);
  const auto message = read_all(folder());
  EXPECT_THAT(message, HasSubstr("truncated"));
  EXPECT_THAT(message, HasSubstr("shard-000002.tar"));
}

TEST_F(DamagedShards, Grown) {
  std::ofstream(file("shard-000000.tar"), std::ios::app) << "x";
  EXPECT_THAT(read_all(folder()), HasSubstr("has grown"));
}

TEST_F(DamagedShards, Foreign) {
  fs::copy(file("shard-000000.tar"), file("shard-000099.tar"));
  EXPECT_THAT(read_all(folder()), HasSubstr("shard-000099.tar"));
}

TEST_F(DamagedShards, EditedPicture) {
  overwrite(file("shard-000000.tar"), 512 + 10, "edited");
  const auto message = read_all(folder());
  EXPECT_THAT(message, HasSubstr("damaged or edited"));
  EXPECT_THAT(message, HasSubstr("shard-000000.tar, item0.jpg"));
  EXPECT_THAT(read_all(folder(), true), HasSubstr("shard-000000.tar"));
}

TEST_F(DamagedShards, EditedText) {
  const auto bytes = read_file(file("shard-000000.tar"));
  overwrite(file("shard-000000.tar"), static_cast<std::streamoff>(bytes.find("melanoma")), "MELANOMA");
  EXPECT_THAT(read_all(folder()), HasSubstr("item0.json"));
}

TEST_F(DamagedShards, EditedHeader) {
  overwrite(file("shard-000000.tar"), 0, "other");
  EXPECT_THAT(read_all(folder()), HasSubstr("item0.jpg"));
}

TEST_F(DamagedShards, ReorderedSamples) {
  // Two neighbours of equal size change places.
  auto bytes = read_file(file("shard-000000.tar"));
  const size_t second = bytes.find("item1.jpg"), third = bytes.find("item2.jpg"), fourth = bytes.find("item3.jpg");
  ASSERT_EQ(third - second, fourth - third);
  const std::string swapped = bytes.substr(third, fourth - third) + bytes.substr(second, third - second);
  overwrite(file("shard-000000.tar"), static_cast<std::streamoff>(second), swapped);
  EXPECT_THAT(read_all(folder()), HasSubstr("reordered"));
}

TEST_F(DamagedShards, ExchangedTars) {
  fs::rename(file("shard-000000.tar"), file("x"));
  fs::rename(file("shard-000001.tar"), file("shard-000000.tar"));
  fs::rename(file("x"), file("shard-000001.tar"));
  EXPECT_THAT(read_all(folder()), HasSubstr("shard-00000"));
}

TEST_F(DamagedShards, IndexOfAnotherFolder) {
  write_shards(temp_ / "other", 20);
  fs::copy(temp_ / "other/index.bin", file("index.bin"), fs::copy_options::overwrite_existing);
  EXPECT_THAT(read_all(folder()), HasSubstr("index.bin"));
}

TEST_F(DamagedShards, IndexBitFlipAnywhereIsFound) {
  const auto bytes = read_file(file("index.bin"));
  for (const size_t at : {size_t{0}, size_t{9}, size_t{20}, size_t{50}, bytes.size() / 2, bytes.size() - 1}) {
    auto damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    std::ofstream(file("index.bin"), std::ios::binary) << damaged;
    EXPECT_THAT(read_all(folder()), HasSubstr("index.bin")) << at;
  }
  std::ofstream(file("index.bin"), std::ios::binary) << bytes.substr(0, 30);
  EXPECT_THAT(read_all(folder()), HasSubstr("index.bin"));
}

TEST_F(DamagedShards, EditedManifest) {
  const auto text = read_file(file("manifest.json"));
  auto edited = text;
  edited.replace(edited.find(manifest_.sha256[0]), 64, std::string(64, '0'));
  std::ofstream(file("manifest.json")) << edited;
  EXPECT_THAT(read_all(folder()), HasSubstr("manifest has been edited"));
  std::ofstream(file("manifest.json")) << text.substr(0, text.size() / 2);
  EXPECT_THAT(read_all(folder()), HasSubstr("manifest.json"));
}

TEST_F(DamagedShards, EveryFactOfTheManifestIsCovered) {
  const auto whole = nlohmann::ordered_json::parse(read_file(file("manifest.json")));
  const auto write = [&](const nlohmann::ordered_json& json) { std::ofstream(file("manifest.json")) << json.dump(1); };
  for (const char* key : {"split", "licence", "field"}) {
    auto edited = whole;
    edited[key] = "another";
    write(edited);
    EXPECT_THAT(read_all(folder()), HasSubstr("manifest has been edited")) << key;
  }
  for (const char* key : {"groups", "labels", "licences"}) {
    auto edited = whole;
    edited[key].erase(edited[key].begin());
    write(edited);
    EXPECT_THAT(read_all(folder()), HasSubstr("manifest has been edited")) << key;
  }
}

// Their fingerprint: SHA-256 over the tars' hashes, a line each, and the index's.
TEST_F(DamagedShards, FoldersOfTheFirstSchemaAreRead) {
  auto old = nlohmann::ordered_json::parse(read_file(file("manifest.json")));
  std::string hashes;
  for (const auto& tar : old["files"]) hashes += tar["sha256"].get<std::string>() + "\n";
  old["schema"] = 1;
  old["fingerprint"] = sha256_hex(std::string_view(hashes + old["index_sha256"].get<std::string>()));
  std::ofstream(file("manifest.json")) << old.dump(1);
  EXPECT_EQ(read_all(folder()), "no error");
}

}  // namespace
}  // namespace dermis
