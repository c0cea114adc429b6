#include "core/config/config.h"

#include <gtest/gtest.h>

#include "core/config/bare_text.h"
#include "core/error.h"

namespace dermis {

enum class Fruit { apple, pear };
template <>
struct EnumTraits<Fruit> {
  static constexpr EnumNames<Fruit, 2> kNames{{{Fruit::apple, "apple"}, {Fruit::pear, "pear"}}};
};

namespace {

struct AugmentPart {
  bool flips = false;
  double crop = 1.0;
  template <class V>
  void visit(V& v) {
    v.field("flips", flips, "mirror pictures");
    v.field("crop", crop, "smallest area", between(0.1, 1));
  }
};

struct StagePart {
  std::string name = "train";
  double lr = 1e-3;
  std::optional<int64_t> steps;
  std::map<std::string, double> mixing{{"all", 1.0}};
  AugmentPart augment;
  template <class V>
  void visit(V& v) {
    v.field("name", name, "label", required());
    v.field("lr", lr, "peak learning rate", above(0));
    v.field("steps", steps, "how many", at_least(1));
    v.field("mixing", mixing, "weights", at_least(0));
    v.section("augment", augment, "pictures");
  }
};

struct Tree {
  int threads = 2;
  uint64_t seed = 0;
  uint8_t small = 1;
  std::string preset = "nano";
  Fruit fruit = Fruit::apple;
  std::array<float, 2> betas{0.5F, 0.25F};
  std::vector<std::string> words;
  AugmentPart augment;
  std::vector<StagePart> stages;
  template <class V>
  void visit(V& v) {
    v.field("threads", threads, "workers | loaders", between(1, 64));
    v.field("seed", seed, "random seed");
    v.field("small", small, "a byte");
    v.field("preset", preset, "model", one_of({"nano", "small"}));
    v.field("fruit", fruit, "which");
    v.field("betas", betas, "of AdamW", between(0, 1));
    v.field("words", words, "free text");
    v.section("augment", augment, "pictures");
    v.list("stages", stages, "one after the other");
  }
};

const std::string kText = R"(threads = 4
fruit = "pear"
words = ["a", "b\nc"]

[augment]
flips = true

[[stages]]
name = "first"
lr = 1
mixing = { isic = 0.5, "pad ufes" = 2 }

[[stages]]
name = "second"
steps = 10
[stages.augment]
crop = 0.5
)";

ResolvedConfig<Tree> resolve(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return resolve_config<Tree>({{"r.toml", text}}, overrides);
}

void expect_error(const std::string& text, const std::vector<std::string>& overrides, ErrorKind kind,
                  const std::vector<std::string>& parts) {
  try {
    resolve(text, overrides);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    for (const std::string& part : parts) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << part << "\n" << error.what();
    }
    return;
  }
  ADD_FAILURE() << "accepted: " << text;
}

TEST(Config, ReadsEveryType) {
  const Tree tree = resolve(kText).value;
  EXPECT_EQ(tree.threads, 4);
  EXPECT_EQ(tree.fruit, Fruit::pear);
  EXPECT_EQ(tree.words, (std::vector<std::string>{"a", "b\nc"}));
  EXPECT_EQ(tree.preset, "nano");
  EXPECT_TRUE(tree.augment.flips);
  ASSERT_EQ(tree.stages.size(), 2U);
  EXPECT_EQ(tree.stages[0].lr, 1.0);
  EXPECT_FALSE(tree.stages[0].steps.has_value());
  EXPECT_EQ(tree.stages[0].mixing, (std::map<std::string, double>{{"isic", 0.5}, {"pad ufes", 2.0}}));
  EXPECT_EQ(tree.stages[1].name, "second");
  EXPECT_EQ(tree.stages[1].steps, 10);
  EXPECT_EQ(tree.stages[1].augment.crop, 0.5);
}

TEST(Config, LaterTextsWinKeyByKeyAndReplaceLists) {
  const auto config = resolve_config<Tree>(
      {{"a.toml", kText}, {"b.toml", "threads = 8\naugment.crop = 0.2\n[[stages]]\nname = \"only\"\n"}});
  EXPECT_EQ(config.value.threads, 8);
  EXPECT_TRUE(config.value.augment.flips);
  EXPECT_EQ(config.value.augment.crop, 0.2);
  ASSERT_EQ(config.value.stages.size(), 1U);
  EXPECT_EQ(config.value.stages[0].lr, 1e-3);
  EXPECT_EQ(config.origins.count("stages[1].name"), 0U);
  EXPECT_EQ(config.origins.at("threads"), "b.toml:1");
}

TEST(Config, OverridesReachEveryKey) {
  const Tree tree = resolve(kText, {"stages[0].lr=1e-3", "stages[1].augment.flips=true", "preset=small", "threads=3",
                                    "words=[\"x\"]", "stages[0].mixing.isic=0.25", "stages[0].name=2024", "fruit=apple",
                                    "betas=[0.5, 1]", "stages[1].mixing={ pad = 1 }"})
                        .value;
  EXPECT_EQ(tree.stages[0].lr, 1e-3);
  EXPECT_TRUE(tree.stages[1].augment.flips);
  EXPECT_EQ(tree.preset, "small");
  EXPECT_EQ(tree.threads, 3);
  EXPECT_EQ(tree.words, std::vector<std::string>{"x"});
  EXPECT_EQ(tree.stages[0].mixing, (std::map<std::string, double>{{"isic", 0.25}, {"pad ufes", 2.0}}));
  EXPECT_EQ(tree.stages[0].name, "2024");
  EXPECT_EQ(tree.fruit, Fruit::apple);
  EXPECT_EQ(tree.betas[1], 1.0F);
  EXPECT_EQ(tree.stages[1].mixing, (std::map<std::string, double>{{"pad", 1.0}}));
}

TEST(Config, TextOverridesMayHoldAnything) {
  struct Free {
    std::string text;
    void visit(ConfigBuilder& v) { v.field("text", text, ""); }
  };
  for (const std::string value : {"a=b", "it's", "\"quoted", "1", "true", "", "[1", "x # y", "a\nb = 3", "\\"}) {
    EXPECT_EQ(resolve_config<Free>({}, {"text=" + value}).value.text, value);
  }
  EXPECT_EQ(resolve_config<Free>({}, {"text=\"quo\\\"ted\""}).value.text, "quo\"ted");
}

TEST(Config, UnknownKeysNameTheNearest) {
  expect_error("threds = 1\n", {}, ErrorKind::data, {"unknown key 'threds'", "r.toml:1", "did you mean 'threads'"});
  expect_error(kText + "[[stages]]\nname='x'\nlrr = 1\n", {}, ErrorKind::data,
               {"unknown key 'stages[2].lrr'", "did you mean 'lr'", "r.toml:20"});
  expect_error(kText, {"augmnt.flips=true"}, ErrorKind::usage, {"'augmnt'", "--set augmnt.flips=true", "'augment'"});
}

TEST(Config, WrongTypesSayWhatWasExpectedAndFound) {
  expect_error("threads = 1.5\n", {}, ErrorKind::data, {"wrong type for 'threads'", "whole number", "number 1.5"});
  expect_error("threads = \"4\"\n", {}, ErrorKind::data, {"text \"4\"", "from 1 to 64"});
  expect_error("preset = 4\n", {}, ErrorKind::data, {"'preset'", "text", "whole number 4"});
  expect_error("augment = 4\n", {}, ErrorKind::data, {"'augment'", "a table"});
  expect_error("stages = 4\n", {}, ErrorKind::data, {"'stages'", "[[stages]]"});
  expect_error("stages = [4]\n", {}, ErrorKind::data, {"'stages[0]'", "a table"});
  expect_error("words = [1]\n", {}, ErrorKind::data, {"'words[0]'"});
  expect_error("betas = [0.5]\n", {}, ErrorKind::data, {"'betas'", "list of 2", "a list of 1"});
  expect_error("preset = 2024-01-01\n", {}, ErrorKind::data, {"'preset'", "a date or time"});
  expect_error("", {"threads=four"}, ErrorKind::usage, {"--set threads=four", "text \"four\""});
  expect_error("[augment]\nflips = 1\n", {}, ErrorKind::data, {"'augment.flips'", "true or false", "r.toml:2"});
}

TEST(Config, RangesAndNames) {
  expect_error("threads = 0\n", {}, ErrorKind::data, {"out of range", "from 1 to 64", "whole number 0"});
  expect_error("small = 256\n", {}, ErrorKind::data, {"out of range", "from 0 to 255"});
  expect_error("seed = -1\n", {}, ErrorKind::data, {"out of range"});
  expect_error("betas = [0.5, 2]\n", {}, ErrorKind::data, {"'betas[1]'", "from 0 to 1"});
  expect_error("augment.crop = nan\n", {}, ErrorKind::data, {"a finite number"});
  expect_error("stages = [{ name = 'a', lr = 0 }]\n", {}, ErrorKind::data, {"'stages[0].lr'", "above 0"});
  expect_error("stages = [{ name = 'a', mixing = { x = -1 } }]\n", {}, ErrorKind::data, {"'stages[0].mixing.x'"});
  expect_error("preset = \"nanu\"\n", {}, ErrorKind::data, {"one of nano, small", "did you mean 'nano'"});
  expect_error("fruit = \"peer\"\n", {}, ErrorKind::data, {"one of apple, pear", "did you mean 'pear'"});
  expect_error("", {"fruit=3"}, ErrorKind::usage, {"unknown value for 'fruit'"});
}

TEST(Config, BadPathsAndSyntax) {
  expect_error("a = = 1\n", {}, ErrorKind::data, {"not TOML", "r.toml:1"});
  expect_error("threads = 1\nthreads = 2\n", {}, ErrorKind::data, {"not TOML", "r.toml:2"});
  expect_error("", {"threads"}, ErrorKind::usage, {"KEY=VALUE"});
  expect_error(kText, {"stages[2].lr=1"}, ErrorKind::usage, {"no entry 2", "from 0 to 1"});
  expect_error(kText, {"stages.lr=1"}, ErrorKind::usage, {"is a list", "stages[0].lr"});
  expect_error(kText, {"stages[x].lr=1"}, ErrorKind::usage, {"stages[0]"});
  expect_error(kText, {"stages[0.lr=1"}, ErrorKind::usage, {"stages[0]"});
  expect_error(kText, {"stages[99999999999999999999].lr=1"}, ErrorKind::usage, {"index"});
  expect_error(kText, {"threads[0]=1"}, ErrorKind::usage, {"takes no index"});
  expect_error(kText, {"threads.x=1"}, ErrorKind::usage, {"no keys below"});
  expect_error(kText, {".=1"}, ErrorKind::usage, {"unknown key"});
}

TEST(Config, TextAboveAsciiNeedsQuotes) {
  expect_error("threads = 1\nx = \xC3\x89\n", {}, ErrorKind::data, {"not TOML", "r.toml:2"});
  expect_error("threads = 1\n\xC3\x89 = 1\n", {}, ErrorKind::data, {"above ASCII outside quotes", "r.toml:2"});
  EXPECT_EQ(resolve("# \xC3\x89\nwords = [\"\xC3\x89\", '\xC3\x89', \"\"\"\"\xC3\x89\"\"\"\"\"] # \xC3\x89\n")
                .value.words.size(),
            3U);
  EXPECT_THROW(resolve("", {"preset=n\xC3\xA4no"}), Error);
}

TEST(Config, KeysAboveAsciiStayApart) {
  struct Free {
    std::map<std::string, double> map;
    void visit(ConfigBuilder& v) { v.field("map", map, ""); }
  };
  const auto map = resolve_config<Free>({{"x.toml", "[map]\n\"\xC3\xA9\" = 1\n\"\xC3\xA8\" = 2\n"}}).value.map;
  EXPECT_EQ(map, (std::map<std::string, double>{{"\xC3\xA9", 1}, {"\xC3\xA8", 2}}));
}

TEST(BareText, SkipsStringsAndComments) {
  const auto clean = [](std::string_view text) { return find_bare_non_ascii(text) == std::string_view::npos; };
  EXPECT_TRUE(clean("\xEF\xBB\xBFx = 1"));
  EXPECT_TRUE(clean("x = \"a\\\"\xC3\x89\""));
  EXPECT_TRUE(clean("x = '\\' # \xC3\x89"));
  EXPECT_TRUE(clean("x = '''\n\xC3\x89'' \xC3\x89''''' # \xC3\x89"));
  EXPECT_TRUE(clean("x = \"\" # \xC3\x89"));
  EXPECT_TRUE(clean("\"\xC3\x89\" = 1"));
  EXPECT_EQ(find_bare_non_ascii("x = \"a\\\\\"\xC3\x89\""), 9U);
  EXPECT_EQ(find_bare_non_ascii("x = 'a\n\xC3\x89'"), 7U);
}

TEST(Config, RequiredFieldsMustBeSet) {
  expect_error("[[stages]]\nlr = 1\n", {}, ErrorKind::data, {"'stages[0].name' is not set", "r.toml", "--set"});
  EXPECT_NO_THROW(resolve("[[stages]]\nlr = 1\n", {"stages[0].name=x"}));
}

TEST(Config, PrintsOriginsAndReadsBackEqual) {
  const auto config = resolve(kText, {"stages[0].lr=1e-3", "stages[1].mixing={}"});
  const std::string text = config.print();
  const auto has_line = [&](const std::string& start, const std::string& end) {
    const size_t at = text.find(start);
    return at != std::string::npos && text.substr(at, text.find('\n', at) - at).ends_with(end);
  };
  EXPECT_TRUE(has_line("threads = 4", "# r.toml:1")) << text;
  EXPECT_TRUE(has_line("seed = 0", "# default")) << text;
  EXPECT_TRUE(has_line("flips = true", "# r.toml:6")) << text;
  EXPECT_TRUE(has_line("lr = 0.001", "# --set stages[0].lr=1e-3")) << text;
  const auto again = resolve(text);
  EXPECT_EQ(again.hash(), config.hash());
  EXPECT_EQ(again.value.stages[1].augment.crop, 0.5);
  EXPECT_TRUE(again.value.stages[1].mixing.empty());
}

TEST(Config, HashFollowsValuesOnly) {
  EXPECT_EQ(resolve("threads = 2\n").hash(), resolve("# nothing\n").hash());
  EXPECT_NE(resolve("threads = 3\n").hash(), resolve("").hash());
  EXPECT_EQ(resolve("", {"threads=3"}).hash(), resolve("threads = 3\n").hash());
}

TEST(Config, NumbersPrintShortestAndExact) {
  EXPECT_EQ(toml_number(1), "1.0");
  EXPECT_EQ(toml_number(1e-5), "1e-05");
  EXPECT_EQ(toml_number(0.1), "0.1");
  EXPECT_EQ(toml_text("a\"\\\n\x01"), "\"a\\\"\\\\\\n\\u0001\"");
}

TEST(Config, ReferenceListsEveryKey) {
  const std::string text = config_reference<Tree>();
  EXPECT_NE(text.find("| `threads` | whole number, from 1 to 64 | `2` | workers \\| loaders |"), std::string::npos)
      << text;
  EXPECT_NE(text.find("| `stages[].name` | text | required | label |"), std::string::npos) << text;
  EXPECT_NE(text.find("| `stages[].augment.crop` |"), std::string::npos) << text;
  EXPECT_NE(text.find("| `fruit` | one of apple, pear | `\"apple\"` | which |"), std::string::npos) << text;
}

}  // namespace
}  // namespace dermis
