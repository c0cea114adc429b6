#include "core/process.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "core/version.h"

namespace dermis {
namespace {

TEST(Process, MemoryFollowsAllocation) {
  const int64_t before = resident_bytes();
  std::vector<char> block(64 << 20);
  volatile char* written = block.data();  // or a compiler sees that one byte is all that is ever read
  for (size_t i = 0; i < block.size(); i += 1024) written[i] = 1;
  EXPECT_GT(resident_bytes(), before + (48 << 20));
  EXPECT_EQ(block[12288], 1);
}

TEST(Process, Machine) {
  EXPECT_GE(usable_cores(), 1);
  EXPECT_GT(hardware().memory_bytes, 1 << 20);
  EXPECT_FALSE(hardware().system.empty());
  EXPECT_NE(command_line().at(0).find("tests_core"), std::string::npos);
  EXPECT_EQ(utc_time().size(), std::strlen("2026-01-31T23:59:59Z"));
  const double begin = monotonic_s();
  EXPECT_GE(monotonic_s(), begin);
}

TEST(Version, IsSet) {
  EXPECT_GT(std::strlen(version()), 0U);
  EXPECT_GT(std::strlen(commit()), 0U);
}

}  // namespace
}  // namespace dermis
