#include "tests/ptx/images.h"

#include <zstd.h>

#include <cstring>

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
  std::string text(bytes, '\0');
  if (ZSTD_decompress(text.data(), text.size(), packed.data(), packed.size()) != bytes)
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
