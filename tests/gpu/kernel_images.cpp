#include "tests/gpu/kernel_images.h"

#include <elf.h>

#include <cstring>
#include <filesystem>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/io/read_file.h"

namespace dermis::gpu {
namespace {

using Bytes = std::span<const uint8_t>;

// Of every image; then the version of the format, and the sizes of this header and of what follows it.
struct ImageHeader {
  uint32_t magic;
  uint16_t version, header_bytes;
  uint64_t bytes;
};
constexpr uint32_t kMagic = 0xba55ed50;

template <class T>
T read(Bytes bytes, uint64_t at) {
  T value{};
  if (at + sizeof(T) <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

Bytes part(Bytes bytes, uint64_t at, uint64_t size) {
  return at <= bytes.size() && size <= bytes.size() - at ? bytes.subspan(at, size) : Bytes();
}

Bytes section(Bytes file, const std::string& wanted) {
  const auto elf = read<Elf64_Ehdr>(file, 0);
  const auto header = [&](uint64_t index) { return read<Elf64_Shdr>(file, elf.e_shoff + index * sizeof(Elf64_Shdr)); };
  const Elf64_Shdr names = header(elf.e_shstrndx);
  for (uint64_t i = 0; i < elf.e_shnum; ++i) {
    const Elf64_Shdr each = header(i);
    const Bytes name = part(file, names.sh_offset + each.sh_name, wanted.size() + 1);
    if (!name.empty() && std::memcmp(name.data(), wanted.c_str(), wanted.size() + 1) == 0)
      return part(file, each.sh_offset, each.sh_size);
  }
  return {};
}

}  // namespace

std::vector<std::vector<uint8_t>> kernel_images(const std::string& file) {
  const std::vector<uint8_t> content = read_bytes(file);
  const bool is_elf = content.size() >= SELFMAG && std::memcmp(content.data(), ELFMAG, SELFMAG) == 0;
  const Bytes bytes = is_elf ? section(content, ".nv_fatbin") : Bytes(content);
  std::vector<std::vector<uint8_t>> images;
  for (uint64_t at = 0; at < bytes.size();) {
    const auto header = read<ImageHeader>(bytes, at);
    const Bytes image = part(bytes, at, header.header_bytes + header.bytes);
    if (header.magic != kMagic || image.empty()) break;
    images.emplace_back(image.begin(), image.end());
    at = (at + image.size() + 7) / 8 * 8;
  }
  if (images.empty()) throw Error(ErrorKind::data, {.what = "no compiled kernels in this file", .where = file});
  return images;
}

std::vector<std::vector<uint8_t>> images_of_this_build() {
  std::vector<std::vector<uint8_t>> images;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  for (const char* name : {"libdermis_cuda.so", "probes.fatbin"}) {
    const auto beside = folder / name, above = folder.parent_path() / name;
    for (auto& image : kernel_images((std::filesystem::exists(beside) ? beside : above).string()))
      images.push_back(std::move(image));
  }
  return images;
}

std::span<const uint8_t> image_parts(const void* image) {
  ImageHeader header;
  std::memcpy(&header, image, sizeof(header));
  return {static_cast<const uint8_t*>(image) + header.header_bytes, header.bytes};
}

}  // namespace dermis::gpu
