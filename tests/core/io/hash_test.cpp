#include "core/io/hash.h"

#include <gtest/gtest.h>

#include <fstream>
#include <vector>

#include "core/error.h"
#include "core/io/read_file.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(Hash, Sha256MatchesFips180) {
  EXPECT_EQ(sha256_hex(std::string_view("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex(std::string_view("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 million;
  for (int i = 0; i < 1000; ++i) million.add(std::string(1000, 'a'));
  EXPECT_EQ(million.hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Hash, Sha256OfAFile) {
  const testing::TempFolder folder;
  std::ofstream(folder / "a", std::ios::binary) << std::string(1'000'000, 'a');
  EXPECT_EQ(sha256_of_file(folder / "a"), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_THROW(sha256_of_file(folder / "absent"), Error);
}

TEST(Hash, CrcMatchesTheCatalogue) {  // check values of the CRC catalogue for "123456789"
  EXPECT_EQ(crc32(bytes_of("123456789")), 0xCBF43926U);
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(bytes_of("")), 0U);
  const std::vector<std::byte> zeros(32);  // RFC 3720 B.4
  EXPECT_EQ(crc32c(zeros), 0x8A9136AAU);
  EXPECT_EQ(crc32(bytes_of("6789"), crc32(bytes_of("12345"))), 0xCBF43926U);
}

TEST(Hash, Xxh3IsStable) {
  EXPECT_EQ(xxh3({}), 0x2D06800538D394C2U);  // XXH3_64bits of nothing, seed 0
  EXPECT_EQ(to_hex(uint64_t{0x2D06800538D394C2}), "2d06800538d394c2");
}

TEST(ReadFile, ReadsFilesAndProc) {
  const testing::TempFolder folder;
  std::ofstream(folder / "a", std::ios::binary) << std::string("x\0y", 3);
  EXPECT_EQ(read_file(folder / "a"), std::string("x\0y", 3));
  EXPECT_EQ(read_bytes(folder / "a").size(), 3U);
  EXPECT_FALSE(read_file("/proc/self/status").empty());
  EXPECT_THROW(read_file(folder / "a", 2), Error);
  EXPECT_THROW(read_file(folder / "absent"), Error);
  EXPECT_THROW(read_file(folder.path().string()), Error);
}

TEST(ReadFile, FindsInvalidUtf8) {
  EXPECT_EQ(find_invalid_utf8("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF"), std::string_view::npos);
  EXPECT_EQ(find_invalid_utf8("ab\xC0\xAF"), 2U);        // overlong
  EXPECT_EQ(find_invalid_utf8("\xE0\x9F\xBF"), 0U);      // overlong
  EXPECT_EQ(find_invalid_utf8("\xED\xA0\x80"), 0U);      // surrogate
  EXPECT_EQ(find_invalid_utf8("\xF4\x90\x80\x80"), 0U);  // above U+10FFFF
  EXPECT_EQ(find_invalid_utf8("a\xE2\x82"), 1U);         // cut short
  EXPECT_EQ(find_invalid_utf8("\x80"), 0U);
}

}  // namespace
}  // namespace dermis
