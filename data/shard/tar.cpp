#include "data/shard/tar.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"

namespace dermis {
namespace {

// Where the fields of a ustar header stand.
struct Range {
  size_t offset, length;
};
constexpr Range kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12}, kTime{136, 12},
    kChecksum{148, 8}, kType{156, 1}, kMagic{257, 8};
constexpr char kMagicText[] = "ustar\00000";  // magic, NUL, version "00"

void put_octal(std::string& block, Range field, uint64_t value) {
  for (size_t i = field.length - 1; i > 0; --i, value >>= 3) {
    block[field.offset + i - 1] = static_cast<char>('0' + (value & 7));
  }
  DERMIS_CHECK(value == 0, "a number does not fit its tar field");
}

bool read_octal(const char* block, Range field, uint64_t& value) {
  value = 0;
  bool any = false;
  for (size_t i = field.offset; i < field.offset + field.length; ++i) {
    const char digit = block[i];
    if (digit == '\0' || digit == ' ') {
      if (any) break;
      continue;
    }
    if (digit < '0' || digit > '7') return false;
    value = value << 3 | static_cast<uint64_t>(digit - '0');
    any = true;
  }
  return any;
}

// The sum of all bytes, the checksum's own counted as spaces.
uint64_t checksum(const char* block) {
  uint64_t sum = 0;
  for (size_t i = 0; i < kTarBlock; ++i) {
    const bool own = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.length;
    sum += own ? static_cast<uint64_t>(' ') : static_cast<uint8_t>(block[i]);
  }
  return sum;
}

}  // namespace

std::string tar_header(const std::string& name, uint64_t bytes) {
  DERMIS_CHECK(!name.empty() && name.size() <= kTarNameLimit, "tar entry name: " + name);
  std::string block(kTarBlock, '\0');
  std::copy(name.begin(), name.end(), block.begin() + kName.offset);
  put_octal(block, kMode, 0644);
  put_octal(block, kUid, 0);
  put_octal(block, kGid, 0);
  put_octal(block, kSize, bytes);
  put_octal(block, kTime, 0);
  block[kType.offset] = '0';
  std::memcpy(block.data() + kMagic.offset, kMagicText, kMagic.length);
  put_octal(block, {kChecksum.offset, 7}, checksum(block.data()));
  block[kChecksum.offset + 7] = ' ';
  return block;
}

bool parse_tar_header(std::span<const std::byte> bytes, TarEntry& entry) {
  if (bytes.size() < kTarBlock) return false;
  const char* block = reinterpret_cast<const char*>(bytes.data());
  uint64_t sum = 0;
  if (std::memcmp(block + kMagic.offset, "ustar", 5) != 0 || block[kType.offset] != '0') return false;
  if (!read_octal(block, kChecksum, sum) || sum != checksum(block)) return false;
  if (!read_octal(block, kSize, entry.bytes)) return false;
  entry.name.assign(block, strnlen(block, kName.length));
  return true;
}

}  // namespace dermis
