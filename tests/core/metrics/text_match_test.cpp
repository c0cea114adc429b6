#include "core/metrics/text_match.h"

#include <gtest/gtest.h>

namespace dermis {
namespace {

TEST(TextMatch, Normalises) {
  EXPECT_EQ(normalize_answer("  The  Quick, brown\tfox.\n"), "quick brown fox");
  EXPECT_EQ(normalize_answer("An apple a day"), "apple day");
  EXPECT_EQ(normalize_answer("theatre"), "theatre");
  EXPECT_EQ(normalize_answer("well-defined"), "welldefined");
  EXPECT_EQ(normalize_answer("N\xC3\xA6vus"), "n\xC3\xA6vus");
  EXPECT_EQ(normalize_answer("The."), "");
}

TEST(TextMatch, Exact) {
  EXPECT_TRUE(exact_match("Melanoma.", "a melanoma"));
  EXPECT_FALSE(exact_match("melanoma in situ", "melanoma"));
}

TEST(TextMatch, TokenF1) {
  EXPECT_DOUBLE_EQ(token_f1("the brown, irregular border", "irregular brown border"), 1.0);
  EXPECT_DOUBLE_EQ(token_f1("red red red", "red spot"), 2.0 * 1 / (3 + 2));
  EXPECT_DOUBLE_EQ(token_f1("red red", "red red spot"), 2.0 * 2 / (2 + 3));
  EXPECT_DOUBLE_EQ(token_f1("x", "y"), 0.0);
  EXPECT_DOUBLE_EQ(token_f1("", "y"), 0.0);
  EXPECT_DOUBLE_EQ(token_f1("the", "."), 1.0);
}

TEST(TextMatch, F1IsSymmetric) {
  EXPECT_DOUBLE_EQ(token_f1("one two three", "three four"), token_f1("three four", "one two three"));
}

}  // namespace
}  // namespace dermis
