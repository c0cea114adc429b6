#include <fmt/format.h>
#include <atomic>
#include <filesystem>

#include "core/error.h"
#include "core/io/hash.h"
#include "core/io/jsonl.h"
#include "core/io/mmap_file.h"
#include "core/io/read_file.h"
#include "data/json_fields.h"
#include "data/shard/shard.h"
#include "data/shard/shard_index.h"
#include "data/shard/shard_manifest.h"
#include "data/shard/tar.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void broken(const std::string& what, const std::string& where, const std::string& expected,
                         const std::string& found) {
  throw Error(ErrorKind::data, {.what = what,
                                .where = where,
                                .expected = expected,
                                .found = found,
                                .fix = "copy the folder again, or make the shards anew: dermis data shard"});
}

bool is_listed(const std::string& name, const ShardManifest& manifest) {
  for (const auto& file : manifest.files) {
    if (file == name) return true;
  }
  return false;
}

// A tar that the manifest does not list would be read by other WebDataset tools and ignored here.
void check_no_foreign_tar(const std::string& folder, const ShardManifest& manifest) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() == ".tar" && !is_listed(name, manifest)) {
      broken("a tar in the folder is not one of these shards", entry.path().string(), "only tars of manifest.json",
             name);
    }
  }
}

}  // namespace

struct ShardReader::Impl {
  Impl(const std::string& path, bool verify) : folder(path) {
    if (!fs::is_directory(path)) {
      throw Error(ErrorKind::data, {.what = "there is no shard folder of this name",
                                    .where = path,
                                    .expected = "a folder with manifest.json, index.bin and tar files",
                                    .fix = "make one: dermis data shard ITEMS RECORDS --out " + path});
    }
    std::string index_sha256;
    manifest = read_manifest(path + "/manifest.json", index_sha256);
    const std::string bytes = read_file(path + "/index.bin");
    if (sha256_hex(std::string_view(bytes)) != index_sha256) {
      broken("index.bin is not the one that manifest.json names", path + "/index.bin", "SHA-256 " + index_sha256,
             "another file, or a truncated or edited one");
    }
    index = parse_index(bytes, path + "/index.bin");
    check_counts();
    check_no_foreign_tar(path, manifest);
    for (size_t tar = 0; tar < manifest.files.size(); ++tar) open_tar(tar, verify);
    image_checked = std::vector<std::atomic<bool>>(index.entries.size());
  }

  void check_counts() const {
    const auto samples = static_cast<int64_t>(index.entries.size());
    if (samples != manifest.samples || static_cast<int64_t>(index.records) != manifest.records ||
        index.tar_bytes.size() != manifest.files.size()) {
      broken("manifest.json and index.bin disagree", folder,
             fmt::format("{} samples, {} records, {} tars", manifest.samples, manifest.records, manifest.files.size()),
             fmt::format("{} samples, {} records, {} tars", samples, index.records, index.tar_bytes.size()));
    }
  }

  void open_tar(size_t tar, bool verify) {
    const std::string path = folder + "/" + manifest.files[tar];
    if (!fs::exists(path)) broken("a shard is missing", path, "a tar of manifest.json", "no such file");
    tars.emplace_back(path);
    const uint64_t bytes = tars.back().bytes().size();
    if (bytes != index.tar_bytes[tar]) {
      broken(bytes < index.tar_bytes[tar] ? "a shard is truncated" : "a shard has grown", path,
             std::to_string(index.tar_bytes[tar]) + " bytes", std::to_string(bytes) + " bytes");
    }
    if (!verify) return;
    const std::string digest = sha256_hex(tars.back().bytes());
    if (digest != manifest.sha256[tar]) {
      broken("a shard has been edited or exchanged", path, "SHA-256 " + manifest.sha256[tar], digest);
    }
  }

  std::string where(size_t sample, const char* extension) const {
    return folder + "/" + manifest.files[index.entries[sample].tar] + ", " + index.key(sample) + "." + extension;
  }

  // The bytes of one member after a look at its tar header; the CRC is the caller's.
  std::span<const std::byte> member(size_t sample, uint64_t offset, uint64_t bytes, const char* extension) const {
    const auto all = tars[index.entries[sample].tar].bytes();
    TarEntry header;
    const bool is_header = parse_tar_header(all.subspan(offset - kTarBlock, kTarBlock), header);
    const std::string name = index.key(sample) + "." + extension;
    if (!is_header || header.name != name || header.bytes != bytes) {
      broken("a shard has been reordered, edited or exchanged", where(sample, extension),
             fmt::format("{} with {} bytes at offset {}", name, bytes, offset),
             is_header ? fmt::format("{} with {} bytes", header.name, header.bytes) : "no tar header");
    }
    return all.subspan(offset, bytes);
  }

  void check_crc(std::span<const std::byte> bytes, uint32_t expected, size_t sample, const char* extension) const {
    const uint32_t found = crc32(bytes);
    if (found == expected) return;
    broken("a sample has been damaged or edited", where(sample, extension), fmt::format("CRC-32 {:08x}", expected),
           fmt::format("{:08x}", found));
  }

  std::span<const std::byte> image(size_t sample) const {
    const auto& entry = index.entries[sample];
    const char* extension = entry.png != 0 ? "png" : "jpg";
    const auto bytes = member(sample, entry.image_offset, entry.image_bytes, extension);
    if (!image_checked[sample].load(std::memory_order_relaxed)) {
      check_crc(bytes, entry.image_crc, sample, extension);
      image_checked[sample].store(true, std::memory_order_relaxed);
    }
    return bytes;
  }

  // The sample's JSON, its checksum held.
  std::string_view text(size_t sample) const {
    const auto& entry = index.entries[sample];
    const auto bytes = member(sample, entry.json_offset, entry.json_bytes, "json");
    check_crc(bytes, entry.json_crc, sample, "json");
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::string folder;
  ShardManifest manifest;
  ShardIndex index;
  std::vector<MmapFile> tars;
  mutable std::vector<std::atomic<bool>> image_checked;  // a picture is hashed at its first reading only
};

ShardReader::ShardReader(const std::string& folder, bool verify) : impl_(std::make_unique<Impl>(folder, verify)) {}
ShardReader::~ShardReader() = default;
ShardReader::ShardReader(ShardReader&&) noexcept = default;

const ShardManifest& ShardReader::manifest() const { return impl_->manifest; }
const std::string& ShardReader::folder() const { return impl_->folder; }
int64_t ShardReader::size() const { return static_cast<int64_t>(impl_->index.entries.size()); }

std::string ShardReader::key(int64_t index) const { return impl_->index.key(static_cast<size_t>(index)); }

std::string ShardReader::where(int64_t index) const {
  const auto& entry = impl_->index.entries[static_cast<size_t>(index)];
  return impl_->where(static_cast<size_t>(index), entry.png != 0 ? "png" : "jpg");
}

std::span<const uint8_t> ShardReader::image_bytes(int64_t index) const {
  DERMIS_CHECK(index >= 0 && index < size(), "sample " + std::to_string(index));
  const auto bytes = impl_->image(static_cast<size_t>(index));
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

ShardSample ShardReader::read_text(int64_t index) const {
  DERMIS_CHECK(index >= 0 && index < size(), "sample " + std::to_string(index));
  const auto at = static_cast<size_t>(index);
  const auto& entry = impl_->index.entries[at];
  const std::string where = impl_->where(at, "json");
  const auto json = parse_json(impl_->text(at), where);
  JsonFields fields(json, where);
  if (fields.integer("schema") != 1) {
    broken("this sample is of another version", where + ", field schema", "1", json.at("schema").dump());
  }
  ShardSample sample;
  sample.key = impl_->index.key(at);
  sample.extension = entry.png != 0 ? "png" : "jpg";
  sample.item = item_from_json(fields.object_or_empty("item"), where + ", field item");
  for (const auto& record : fields.list_or_empty("records")) {
    const std::string place = where + ", record " + std::to_string(sample.records.size() + 1);
    sample.records.push_back(record_from_json(record, place));
  }
  fields.no_others();
  return sample;
}

Item ShardReader::read_item(int64_t index) const {
  DERMIS_CHECK(index >= 0 && index < size(), "sample " + std::to_string(index));
  const auto at = static_cast<size_t>(index);
  // As ShardWriter writes a sample: schema and item first. Neither holds a list of this name, and a string would have
  // its quotes escaped.
  const std::string_view text = impl_->text(at);
  const size_t end = text.find(",\"records\":[");
  if (end == std::string_view::npos) return read_text(index).item;
  const std::string where = impl_->where(at, "json");
  const auto json = parse_json(std::string(text.substr(0, end)) + "}", where);
  JsonFields fields(json, where);
  return item_from_json(fields.object_or_empty("item"), where + ", field item");
}

ShardSample ShardReader::read(int64_t index) const {
  ShardSample sample = read_text(index);
  const auto bytes = image_bytes(index);
  sample.image.assign(bytes.begin(), bytes.end());
  return sample;
}

}  // namespace dermis
