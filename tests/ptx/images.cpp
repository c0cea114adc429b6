#include "tests/ptx/images.h"

#include <archive.h>
#include <archive_entry.h>

#include <cstring>
#include <memory>

#include "core/error.h"

namespace dermis::ptx {
namespace {

struct PartHeader {
  uint16_t kind, version;
  uint32_t header_bytes;
  uint64_t bytes;  // without this header, with padding
  uint32_t packed_bytes, options;
  uint16_t minor, major;
  uint32_t architecture, name, name_bytes;
  uint64_t flags, unused, text_bytes;  // packed_bytes and text_bytes of compressed text
};
constexpr uint16_t kText = 1;
constexpr uint64_t kZstd = 0x8000;

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorKind::data, {.what = what, .fix = "build Dermis again, with nvcc 13"});
}

std::string unpacked(std::span<const uint8_t> packed, uint64_t bytes) {
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), &archive_read_free);
  archive_read_support_filter_zstd(reader.get());
  archive_read_support_format_raw(reader.get());
  archive_entry* entry = nullptr;
  std::string text(bytes, '\0');
  if (archive_read_open_memory(reader.get(), packed.data(), packed.size()) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK ||
      archive_read_data(reader.get(), text.data(), text.size()) != static_cast<la_ssize_t>(bytes))
    fail("the PTX of a compiled kernel does not unpack");
  return text;
}

}  // namespace

std::string ptx_in(std::span<const uint8_t> parts) {
  for (uint64_t at = 0; at + sizeof(PartHeader) <= parts.size();) {
    PartHeader part;
    std::memcpy(&part, parts.data() + at, sizeof(part));
    const uint64_t first = at + part.header_bytes;
    if (part.header_bytes < sizeof(part) || first > parts.size() || part.bytes > parts.size() - first) break;
    const auto content = parts.subspan(first, part.bytes);
    if (part.kind == kText && (part.flags & kZstd) != 0 && part.packed_bytes <= content.size())
      return unpacked(content.first(part.packed_bytes), part.text_bytes);
    if (part.kind == kText && part.packed_bytes == 0)
      return {reinterpret_cast<const char*>(content.data()), content.size()};
    at = first + part.bytes;
  }
  fail("compiled kernels without PTX");
}

}  // namespace dermis::ptx
