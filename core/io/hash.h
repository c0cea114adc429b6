// Fingerprints of bytes and files. SHA-256 names content for good; XXH3 and CRC only catch accidents, fast.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace dermis {

// Piece by piece; hex() may be called once.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text);
  std::string hex();  // 64 lower-case digits

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string sha256_hex(std::span<const std::byte> bytes);
std::string sha256_hex(std::string_view text);
std::string sha256_of_file(const std::string& path);  // Error(data) when unreadable

uint64_t xxh3(std::span<const std::byte> bytes);                       // XXH3-64, seed 0
uint32_t crc32(std::span<const std::byte> bytes, uint32_t start = 0);  // IEEE 802.3, as zip, gzip and PNG; chainable
uint32_t crc32c(std::span<const std::byte> bytes);                     // Castagnoli, as TFRecord

std::string to_hex(std::span<const std::byte> bytes);
std::string to_hex(uint64_t value);  // 16 digits

}  // namespace dermis
