#include <fcntl.h>

#include <fmt/format.h>
#include <algorithm>
#include <filesystem>
#include <set>
#include <unordered_set>

#include "core/error.h"
#include "core/io/atomic_file.h"
#include "core/io/atomic_folder.h"
#include "core/io/hash.h"
#include "data/shard/shard.h"
#include "data/shard/shard_index.h"
#include "data/shard/shard_key.h"
#include "data/shard/shard_manifest.h"
#include "data/shard/tar.h"
#include "data/sources/licence.h"

namespace dermis {
namespace {

std::span<const std::byte> as_bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// A tar that grows; its hash is taken on the way.
class TarFile {
 public:
  explicit TarFile(const std::string& path) : file_(path, O_WRONLY | O_CREAT | O_EXCL) {}

  // Returns the offset of the content.
  uint64_t add(const std::string& name, std::span<const std::byte> content) {
    put(as_bytes_of(tar_header(name, content.size())));
    const uint64_t offset = size_;
    put(content);
    put(as_bytes_of(std::string(padded_to_block(size_) - size_, '\0')));
    return offset;
  }
  std::string close() {
    put(as_bytes_of(std::string(2 * kTarBlock, '\0')));
    file_.close();
    return hash_.hex();
  }
  uint64_t size() const { return size_; }

 private:
  void put(std::span<const std::byte> bytes) {
    file_.write_all(bytes);
    hash_.add(bytes);
    size_ += bytes.size();
  }

  FileDescriptor file_;
  Sha256 hash_;
  uint64_t size_ = 0;
};

void check_sample(const ShardSample& sample) {
  const auto fail = [&](const std::string& what, const std::string& field, const std::string& found) {
    throw Error(ErrorKind::data,
                {.what = what, .where = "sample " + sample.item.id + ", field " + field, .found = found});
  };
  if (sample.item.id.empty()) fail("a sample has no item id", "id", "");
  if (sample.extension != "jpg" && sample.extension != "png") {
    fail("shards hold jpg and png pictures", "extension", sample.extension);
  }
  if (sample.image.empty()) fail("the picture has no bytes", "image", "0 bytes");
  for (const auto& record : sample.records) {
    if (record.item != sample.item.id) fail("a record belongs to another item", "records", record.item);
  }
}

}  // namespace

struct ShardWriter::Impl {
  Impl(const std::string& path, int64_t limit, IfExists if_exists)
      : folder(path, if_exists), max_bytes(static_cast<uint64_t>(limit)) {}

  void open_tar() {
    files.push_back(fmt::format("shard-{:06d}.tar", files.size()));
    tar = std::make_unique<TarFile>(folder / files.back());
  }
  void close_tar() {
    index.tar_bytes.push_back(tar->size() + 2 * kTarBlock);
    sha256.push_back(tar->close());
    tar.reset();
  }

  AtomicFolder folder;
  uint64_t max_bytes;
  std::unique_ptr<TarFile> tar;
  ShardIndex index;
  std::vector<std::string> files, sha256;
  std::unordered_set<std::string> keys;
  std::set<std::string> licences, labels, groups;
};

ShardWriter::ShardWriter(const std::string& folder, int64_t max_bytes_per_tar, IfExists if_exists) {
  if (max_bytes_per_tar < 1 << 16) {
    throw Error(ErrorKind::usage, {.what = "tar files would be too small",
                                   .where = "--max-mb",
                                   .expected = "at least 0.0625 MiB",
                                   .found = std::to_string(max_bytes_per_tar) + " bytes"});
  }
  make_folder(parent_folder(folder));
  impl_ = std::make_unique<Impl>(folder, max_bytes_per_tar, if_exists);
}

ShardWriter::~ShardWriter() = default;

void ShardWriter::add(const ShardSample& sample) {
  check_sample(sample);
  auto& state = *impl_;
  const std::string key = shard_key(sample.item.id);
  if (!state.keys.insert(key).second) {
    throw Error(ErrorKind::data, {.what = "an item occurs twice",
                                  .where = "item " + sample.item.id,
                                  .expected = "each item id once in a shard folder",
                                  .fix = "join the records of one item, or give the items different ids"});
  }
  nlohmann::ordered_json json = {
      {"schema", 1}, {"item", to_json(sample.item)}, {"records", nlohmann::ordered_json::array()}};
  for (const auto& record : sample.records) json["records"].push_back(to_json(record));
  const std::string text = json.dump();
  const uint64_t need = 2 * kTarBlock + padded_to_block(sample.image.size()) + padded_to_block(text.size());
  if (state.tar && state.tar->size() + need + 2 * kTarBlock > state.max_bytes) state.close_tar();
  if (!state.tar) state.open_tar();
  const auto image = std::as_bytes(std::span(sample.image));
  IndexEntry entry;
  entry.tar = static_cast<uint32_t>(state.files.size() - 1);
  entry.records = static_cast<uint32_t>(sample.records.size());
  entry.image_offset = state.tar->add(key + "." + sample.extension, image);
  entry.image_bytes = image.size();
  entry.image_crc = crc32(image);
  entry.json_offset = state.tar->add(key + ".json", as_bytes_of(text));
  entry.json_bytes = text.size();
  entry.json_crc = crc32(as_bytes_of(text));
  entry.key_offset = state.index.keys.size();
  entry.key_bytes = static_cast<uint32_t>(key.size());
  entry.png = sample.extension == "png" ? 1 : 0;
  state.index.keys += key;
  state.index.entries.push_back(entry);
  state.index.records += sample.records.size();
  state.licences.insert(sample.item.licence);
  if (!sample.item.label.empty()) state.labels.insert(sample.item.label);
  if (!sample.item.group.empty()) state.groups.insert(sample.item.group);
}

ShardManifest ShardWriter::finish(ShardManifest facts) {
  auto& state = *impl_;
  if (state.index.entries.empty()) {
    throw Error(ErrorKind::data, {.what = "there is no sample to write",
                                  .where = state.folder.path(),
                                  .expected = "at least one item with records"});
  }
  state.close_tar();
  const std::string index = index_bytes(state.index);
  facts.samples = static_cast<int64_t>(state.index.entries.size());
  facts.records = static_cast<int64_t>(state.index.records);
  facts.files = state.files;
  facts.sha256 = state.sha256;
  facts.licences.assign(state.licences.begin(), state.licences.end());
  facts.licence = most_restrictive_licence(facts.licences);
  facts.labels.assign(state.labels.begin(), state.labels.end());
  facts.groups.assign(state.groups.begin(), state.groups.end());
  const std::string index_sha256 = sha256_hex(std::string_view(index));
  facts.fingerprint = shard_fingerprint(facts, index_sha256);
  write_file_atomically(state.folder / "index.bin", index);
  write_file_atomically(state.folder / "manifest.json", manifest_text(facts, index_sha256));
  state.folder.commit();
  return facts;
}

}  // namespace dermis
