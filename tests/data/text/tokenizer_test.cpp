#include "data/text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sentencepiece_processor.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "data/text/hf_files.h"
#include "data/text/train_tokenizer.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Golden {
  fs::path folder;
  json expected;
};

// Folders of the parity inputs whose tokenizer is a tokenizer.model; SigLIP's text tower (spiece.model) is another
// kind.
std::vector<Golden> goldens() {
  std::vector<Golden> found;
  const auto root = testing::parity_folder();
  if (!fs::exists(root)) return found;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().filename() != "tokenizer_expected.json") continue;
    const auto folder = entry.path().parent_path();
    if (!fs::exists(folder / "tokenizer.model")) continue;
    std::ifstream stream(entry.path());
    found.push_back({folder, json::parse(stream)});
  }
  return found;
}

void expect_equal_ids(const Tokenizer& tokenizer, const Golden& golden) {
  for (const auto& entry : golden.expected.at("strings")) {
    const std::string text = entry.at("text");
    SCOPED_TRACE(golden.folder.string() + ": " + text);
    const std::vector<int32_t> ids = entry.at("ids");
    EXPECT_EQ(tokenizer.encode_with_control_words(text), ids);
    EXPECT_EQ(tokenizer.encode(text), entry.at("ids_as_user_text").get<std::vector<int32_t>>());
    EXPECT_EQ(tokenizer.decode(ids, false), entry.at("decoded").get<std::string>());
    EXPECT_EQ(tokenizer.decode(ids, true), entry.at("decoded_without_special").get<std::string>());
    std::vector<std::string> pieces;
    for (const int32_t id : ids) pieces.push_back(tokenizer.piece_of(id));
    EXPECT_EQ(pieces, entry.at("pieces").get<std::vector<std::string>>());
    // Where Hugging Face adds anything itself, it is the bos token in front.
    std::vector<int32_t> special = entry.at("ids_with_special");
    if (special.size() != ids.size()) special.erase(special.begin());
    EXPECT_EQ(special, ids);
  }
}

TEST(Tokenizer, GivesHuggingFaceIds) {
  DERMIS_NEED(testing::parity_folder());
  const auto cases = goldens();
  ASSERT_FALSE(cases.empty());
  for (const auto& golden : cases) {
    const auto tokenizer = Tokenizer::load(golden.folder.string());
    expect_equal_ids(tokenizer, golden);
    EXPECT_EQ(tokenizer.size(), golden.expected.at("size_with_added_tokens").get<int>());
    for (const auto& [word, id] : golden.expected.at("added_tokens").items()) EXPECT_EQ(tokenizer.id_of(word), id);
  }
}

// transformers builds the same from tokenizer.model and tokenizer_config.json when there is no tokenizer.json.
TEST(Tokenizer, GivesHuggingFaceIdsWithoutTokenizerJson) {
  DERMIS_NEED(testing::parity_folder());
  for (const auto& golden : goldens()) {
    if (golden.expected.at("tokenizer_class") == "TokenizersBackend" && golden.folder.filename() != "gemma_unigram") {
      continue;  // defined by a tokenizer.json that differs from its class
    }
    testing::TempFolder folder;
    for (const char* name : {"tokenizer.model", "tokenizer_config.json"}) {
      fs::copy(golden.folder / name, folder.path() / name);
    }
    if (!golden.expected.at("added_tokens").empty() && golden.folder.filename() == "llama_first_segment") {
      auto config = json::parse(std::ifstream(golden.folder / "tokenizer_config.json"));
      config["model_specific_special_tokens"] = {{"image_token", "<image>"}};
      std::ofstream(folder / "tokenizer_config.json") << config;
    }
    expect_equal_ids(Tokenizer::load(folder.path().string()), golden);
  }
}

TEST(Tokenizer, WrittenTokenizerJsonGivesTheSameIds) {
  DERMIS_NEED(testing::parity_folder());
  for (const auto& golden : goldens()) {
    if (golden.folder.filename() != "paligemma" && golden.folder.filename() != "paligemma2") continue;
    testing::TempFolder folder;
    const auto model = (golden.folder / "tokenizer.model").string();
    const auto files = hf_tokenizer_files(model, golden.expected.at("added_tokens").at("<image>"));
    std::ofstream(folder / "tokenizer.json") << files.tokenizer_json;
    std::ofstream(folder / "tokenizer_config.json") << files.tokenizer_config_json;
    const auto tokenizer = Tokenizer::load(folder.path().string());
    for (const auto& entry : golden.expected.at("strings")) {
      EXPECT_EQ(tokenizer.encode_with_control_words(entry.at("text")), entry.at("ids").get<std::vector<int32_t>>());
    }
    EXPECT_EQ(Tokenizer::load(model).size(), image_token_id(Tokenizer::load(model)));
  }
}

std::vector<std::string> training_texts() {
  std::vector<std::string> texts;
  const char* colours[] = {"brown", "black", "red", "tan", "blue-grey"};
  const char* sites[] = {"back", "face", "left arm", "lower limb", "scalp"};
  for (int age = 20; age < 80; ++age) {
    const std::string colour = colours[age % 5], site = sites[age / 5 % 5];
    texts.push_back("What is the diagnosis of the " + colour + " lesion on the " + site + "?");
    texts.push_back("The patient is " + std::to_string(age) + " years old.\nThe " + colour + " lesion is a nevus.");
  }
  return texts;
}

TEST(TokenizerTraining, LaysOutGemmasFixedPieces) {
  testing::TempFolder folder;
  const auto trained = train_tokenizer(training_texts(), 400);
  EXPECT_EQ(trained.vocabulary, 400);
  std::ofstream(folder / "tokenizer.model", std::ios::binary) << trained.model;
  const auto tokenizer = Tokenizer::load(folder / "tokenizer.model");
  EXPECT_EQ(tokenizer.size(), 400);
  const std::vector<std::string> fixed = {"<pad>", "<eos>", "<bos>", "<unk>", "<image>", "\n", "<0x00>"};
  for (size_t id = 0; id < fixed.size(); ++id) EXPECT_EQ(tokenizer.piece_of(static_cast<int32_t>(id)), fixed[id]);
  EXPECT_EQ(image_token_id(tokenizer), 4);
  EXPECT_EQ(tokenizer.encode("\n"), (std::vector<int32_t>{5}));
}

TEST(TokenizerTraining, IsDeterministicAndReversible) {
  testing::TempFolder folder;
  const auto trained = train_tokenizer(training_texts(), 400);
  EXPECT_EQ(trained.model, train_tokenizer(training_texts(), 400).model);
  std::ofstream(folder / "tokenizer.model", std::ios::binary) << trained.model;
  const auto tokenizer = Tokenizer::load(folder / "tokenizer.model");
  sentencepiece::SentencePieceProcessor reference;
  ASSERT_TRUE(reference.Load(folder / "tokenizer.model").ok());
  auto texts = training_texts();
  texts.insert(texts.end(), {"  two  spaces ", "皮膚 🙂 naïve", "\n\n", "<eos><image>", "a\tb"});
  for (const auto& text : texts) {
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
    std::vector<int> ids;
    ASSERT_TRUE(reference.Encode(text, &ids).ok());
    EXPECT_EQ(tokenizer.encode(text), ids) << text;
  }
  EXPECT_EQ(tokenizer.encode_with_control_words("<image><bos>a"), (std::vector<int32_t>{4, 2, tokenizer.id_of("a")}));
}

TEST(TokenizerTraining, SmallTextsGiveASmallerVocabulary) {
  const auto trained = train_tokenizer({"abc abd", "abc"}, 1024);
  EXPECT_GT(trained.vocabulary, 262);
  EXPECT_LT(trained.vocabulary, 300);
}

TEST(TokenizerTraining, SaysWhatItCannotDo) {
  EXPECT_THROW(train_tokenizer({}, 1024), Error);
  EXPECT_THROW(train_tokenizer({""}, 1024), Error);
  EXPECT_THROW(train_tokenizer(training_texts(), 100), Error);
  EXPECT_THROW(train_tokenizer(training_texts(), 270), Error);
}

TEST(Tokenizer, NamesBrokenFiles) {
  testing::TempFolder folder;
  const auto write = [&](const std::string& text) { std::ofstream(folder / "tokenizer.model") << text; };
  const auto message = [&](const std::string& path) -> std::string {
    try {
      Tokenizer::load(path);
    } catch (const Error& error) {
      return error.kind() == ErrorKind::data ? error.what() : "wrong kind";
    }
    return "loaded";
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(message(folder / "absent.model"), HasSubstr("absent.model"));
  EXPECT_THAT(message(folder.path().string()), HasSubstr("holds no tokenizer"));
  write("");
  EXPECT_THAT(message(folder / "tokenizer.model"), HasSubstr("no pieces"));
  write("not a protobuf at all");
  EXPECT_THAT(message(folder / "tokenizer.model"), HasSubstr("no SentencePiece model"));
  const auto model = train_tokenizer(training_texts(), 400).model;
  write(model.substr(0, model.size() / 2));
  EXPECT_THAT(message(folder / "tokenizer.model"), HasSubstr("tokenizer.model"));
  write(model);
  std::ofstream(folder / "tokenizer.json") << "{\"model\": {\"type\": \"WordPiece\"}}";
  EXPECT_THAT(message(folder.path().string()), HasSubstr("not supported"));
  std::ofstream(folder / "tokenizer.json") << "{\"model\"";
  EXPECT_THAT(message(folder.path().string()), HasSubstr("not valid JSON"));
}

}  // namespace
}  // namespace dermis
