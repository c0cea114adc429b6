// What dermis ask refuses before it opens a model.
#include <gtest/gtest.h>

#include "core/error.h"
#include "infer/cmd/verbs.h"

namespace dermis {
namespace {

// The message for these options behind model, picture and question; nothing of which exists.
Error error_of(std::vector<std::string> options) {
  std::vector<std::string> words{"no/model", "no/picture.jpg", "diagnosis?"};
  words.insert(words.end(), options.begin(), options.end());
  try {
    run_ask(CommandTable{}, words);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return {ErrorKind::internal, {}};
}

TEST(Ask, TwoDifferentAnswersAreNeeded) {
  for (const char* options : {"a", "", "melanoma,melanoma", "melanoma,", "melanoma, melanoma", "a,b,a"}) {
    const Error error = error_of({"--options", options});
    EXPECT_EQ(error.kind(), ErrorKind::usage) << options;
    EXPECT_EQ(error.info().where, "--options") << options;
    EXPECT_FALSE(error.info().fix.empty());
  }
  EXPECT_EQ(error_of({"--options", "melanoma,nevus"}).info().where, "no/model") << "these are well";
}

TEST(Ask, ViewsNeedOptions) {
  EXPECT_EQ(error_of({"--crops", "0.8"}).info().where, "--crops");
  EXPECT_EQ(error_of({"--views", "8"}).info().where, "--views");
  EXPECT_EQ(error_of({"--views", "8", "--options", "a,b"}).info().where, "no/model");
}

}  // namespace
}  // namespace dermis
