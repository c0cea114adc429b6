#include "core/text/html.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dermis {
namespace {

TEST(Html, EscapesWhatHtmlReads) { EXPECT_EQ(escape_html("<a b=\"c\">&'"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;"); }

// The test vectors of RFC 4648, section 10.
TEST(Html, Base64) {
  const std::vector<std::pair<std::string, std::string>> cases{{"", ""},
                                                               {"f", "Zg=="},
                                                               {"fo", "Zm8="},
                                                               {"foo", "Zm9v"},
                                                               {"foob", "Zm9vYg=="},
                                                               {"fooba", "Zm9vYmE="},
                                                               {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : cases) EXPECT_EQ(base64(std::vector<uint8_t>(plain.begin(), plain.end())), coded);
}

}  // namespace
}  // namespace dermis
