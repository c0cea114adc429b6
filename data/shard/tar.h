// The part of the tar format that shards use: ustar headers of plain files (POSIX.1-2017, pax, "ustar Interchange
// Format"), with owner 0 and time 0, so that equal input gives equal bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace dermis {

inline constexpr size_t kTarBlock = 512;
inline constexpr size_t kTarNameLimit = 100;

// A 512-byte header. `name` has at most kTarNameLimit bytes.
std::string tar_header(const std::string& name, uint64_t bytes);

struct TarEntry {
  std::string name;
  uint64_t bytes = 0;
};
// false unless `block` is the header of a plain file with a right checksum.
bool parse_tar_header(std::span<const std::byte> block, TarEntry& entry);

constexpr uint64_t padded_to_block(uint64_t bytes) { return (bytes + kTarBlock - 1) / kTarBlock * kTarBlock; }

}  // namespace dermis
