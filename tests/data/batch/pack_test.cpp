#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/random.h"
#include "data/batch/sequence.h"
#include "data/text/train_tokenizer.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

PromptFormat prompt_of(int tokens_per_image) {
  PromptFormat prompt;
  prompt.tokens_per_image = tokens_per_image;
  prompt.image_token = 99;
  return prompt;
}

ImageFormat image_of(int size) {
  ImageFormat format;
  format.size = size;
  return format;
}

std::vector<uint8_t> planes(int count, int size) {
  return std::vector<uint8_t>(static_cast<size_t>(count * 3 * size * size));
}

SequenceTokens sequence(std::vector<TurnTokens> turns, int image = 0, double weight = 1) {
  return {"s", std::move(turns), weight, image, false};
}

using Ids = std::vector<int32_t>;

// 2 image tokens (99), bos (2), question 10 11, separator 5 | answer 20 21, eos 1.
TEST(Pack, LaysOutOneTurnAsWorkedByHand) {
  const auto batch =
      pack_tokens({sequence({{{10, 11}, {20, 21}}}, 0, 0.5)}, {planes(1, 4), 1}, {5}, image_of(4), prompt_of(2), false);
  EXPECT_EQ(batch.tokens, (Ids{99, 99, 2, 10, 11, 5, 20, 21, 1}));
  EXPECT_EQ(batch.positions, (Ids{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(batch.visible_lo, (Ids(9, 0)));
  EXPECT_EQ(batch.visible_hi, (Ids{6, 6, 6, 6, 6, 6, 7, 8, 9}));
  EXPECT_EQ(batch.label_rows, (Ids{5, 6, 7}));
  EXPECT_EQ(batch.label_ids, (Ids{20, 21, 1}));
  EXPECT_EQ(batch.label_weights, (std::vector<float>{0.5F, 0.5F, 0.5F}));
  EXPECT_EQ(batch.image_slots, (Ids{0, 1}));
  EXPECT_EQ(batch.image_rows, (Ids{0, 1}));
  EXPECT_EQ(batch.sequence_offsets, (Ids{0, 9}));
  EXPECT_DOUBLE_EQ(batch.target_tokens(), 1.5);
}

TEST(Pack, LaterTurnsAreCausal) {
  const auto batch =
      pack_tokens({sequence({{{10}, {20}}, {{11}, {21}}})}, {planes(1, 4), 1}, {5}, image_of(4), prompt_of(1), false);
  EXPECT_EQ(batch.tokens, (Ids{99, 2, 10, 5, 20, 1, 11, 5, 21, 1}));
  EXPECT_EQ(batch.visible_hi, (Ids{4, 4, 4, 4, 5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(batch.label_rows, (Ids{3, 4, 7, 8}));
  EXPECT_EQ(batch.label_ids, (Ids{20, 1, 21, 1}));
}

TEST(Pack, OpenSequencesEndAfterTheLastQuestion) {
  const std::vector<SequenceTokens> sequences = {sequence({{{10}, {20}}, {{11}, {}}}), sequence({{{12, 13}, {}}})};
  const auto batch = pack_tokens(sequences, {planes(1, 4), 1}, {5}, image_of(4), prompt_of(1), true);
  EXPECT_EQ(batch.tokens, (Ids{99, 2, 10, 5, 20, 1, 11, 5, 99, 2, 12, 13, 5}));
  EXPECT_TRUE(batch.label_rows.empty());
  EXPECT_EQ(batch.sequence_offsets, (Ids{0, 8, 13}));
  EXPECT_EQ(batch.positions, (Ids{1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5}));
  EXPECT_EQ(batch.visible_lo, (Ids{0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8}));
  EXPECT_EQ(batch.visible_hi, (Ids{4, 4, 4, 4, 5, 6, 7, 8, 13, 13, 13, 13, 13}));
}

TEST(Pack, QuestionsShareOneEncodedPicture) {
  const std::vector<SequenceTokens> sequences = {sequence({{{10}, {20}}}, 0), sequence({{{11}, {21}}}, 0),
                                                 sequence({{{12}, {22}}}, 1)};
  const auto batch = pack_tokens(sequences, {planes(2, 4), 2}, {5}, image_of(4), prompt_of(2), false);
  EXPECT_EQ(batch.image_count, 2);
  EXPECT_EQ(batch.image_rows, (Ids{0, 1, 0, 1, 2, 3}));
  EXPECT_EQ(batch.image_slots, (Ids{0, 1, 7, 8, 14, 15}));
}

// Patches 1, 3 of the first picture and 0, 2 of the second of four each: words stand behind all four.
TEST(Pack, PatchesLeftOutKeepTheirPlaces) {
  const std::vector<SequenceTokens> sequences = {sequence({{{10}, {20}}}, 1), sequence({{{11}, {21}}}, 0)};
  const auto batch = pack_tokens(sequences, {planes(2, 4), 2, {1, 3, 0, 2}}, {5}, image_of(4), prompt_of(4), false);
  EXPECT_EQ(batch.tokens, (Ids{99, 99, 2, 10, 5, 20, 1, 99, 99, 2, 11, 5, 21, 1}));
  EXPECT_EQ(batch.positions, (Ids{1, 3, 5, 6, 7, 8, 9, 2, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(batch.image_rows, (Ids{2, 3, 0, 1}));
  EXPECT_EQ(batch.image_slots, (Ids{0, 1, 7, 8}));
  EXPECT_EQ(batch.visible_hi, (Ids{5, 5, 5, 5, 5, 6, 7, 12, 12, 12, 12, 12, 13, 14}));
  EXPECT_EQ(batch.label_rows, (Ids{4, 5, 11, 12}));
  EXPECT_EQ(batch.kept_patches, (Ids{1, 3, 0, 2}));
}

TEST(Pack, NamesTheSampleThatIsTooLong) {
  auto prompt = prompt_of(2);
  prompt.max_tokens = 8;
  try {
    pack_tokens({sequence({{{10, 11}, {20, 21}}})}, {planes(1, 4), 1}, {5}, image_of(4), prompt, false);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_EQ(error.info().where, "sample s");
  }
}

TEST(CutSequence, DropsTurnsThenTheEndOfTheAnswer) {
  const auto prompt = prompt_of(2);
  auto cut = sequence({{{10}, {20, 21, 22}}, {{11}, {23}}});
  EXPECT_EQ(sequence_length(cut, prompt, 1, false), 3 + 6 + 4);
  ASSERT_TRUE(cut_sequence(cut, prompt, 1, 11));  // the second turn does not fit without its answer
  EXPECT_EQ(cut.turns.size(), 1U);
  EXPECT_FALSE(cut.cut);
  ASSERT_TRUE(cut_sequence(cut, prompt, 1, 7));
  EXPECT_EQ(cut.turns[0].answer, (Ids{20, 21}));
  EXPECT_EQ(sequence_length(cut, prompt, 1, false), 7);
  const auto batch = pack_tokens({cut}, {planes(1, 4), 1}, {5}, image_of(4), prompt, false);
  EXPECT_EQ(batch.label_ids, (Ids{20, 21}));  // no eos where a limit stood
  EXPECT_EQ(batch.token_count(), 7);
  EXPECT_FALSE(cut_sequence(cut, prompt, 1, 5));
}

TEST(Pack, KeepsItsPromisesForRandomSequences) {
  Random random(7, RandomPurpose::selftest);
  for (int trial = 0; trial < 200; ++trial) {
    const int images = 1 + static_cast<int>(random.below(3));
    const auto prompt = prompt_of(1 + static_cast<int>(random.below(9)));
    std::vector<SequenceTokens> sequences;
    int64_t length = 0;
    for (uint64_t s = 0; s <= random.below(5); ++s) {
      std::vector<TurnTokens> turns;
      for (uint64_t t = 0; t <= random.below(3); ++t) {
        // Questions use ids below 100, answers ids from 200: a label tells where it comes from.
        turns.push_back({Ids(random.below(6), 10), Ids(1 + random.below(6), 200)});
      }
      sequences.push_back(sequence(turns, static_cast<int>(random.below(static_cast<uint64_t>(images)))));
      length += sequence_length(sequences.back(), prompt, 1, false);
    }
    const auto batch = pack_tokens(sequences, {planes(images, 2), images}, {5}, image_of(2), prompt, false);
    ASSERT_EQ(batch.token_count(), length);
    ASSERT_EQ(batch.sequence_count(), static_cast<int64_t>(sequences.size()));
    const auto rows = static_cast<size_t>(batch.token_count());
    for (size_t i = 0; i < rows; ++i) {
      const auto row = static_cast<int32_t>(i);
      ASSERT_LE(batch.visible_lo[i], row);
      ASSERT_GT(batch.visible_hi[i], row);
      ASSERT_LE(batch.visible_hi[i], static_cast<int32_t>(rows));
      if (i == 0) continue;
      ASSERT_GE(batch.visible_lo[i], batch.visible_lo[i - 1]);
      ASSERT_GE(batch.visible_hi[i], batch.visible_hi[i - 1]);
    }
    for (size_t i = 0; i < batch.label_rows.size(); ++i) {
      const auto row = static_cast<size_t>(batch.label_rows[i]);
      ASSERT_EQ(batch.tokens[row + 1], batch.label_ids[i]);
      ASSERT_TRUE(batch.label_ids[i] == 200 || batch.label_ids[i] == prompt.eos);
      ASSERT_TRUE(i == 0 || batch.label_rows[i] > batch.label_rows[i - 1]);
      // A row must not see the token it predicts.
      ASSERT_EQ(batch.visible_hi[row], static_cast<int32_t>(row) + 1);
    }
    int64_t answers = 0;
    for (const int32_t token : batch.tokens) answers += token == 200 || token == prompt.eos;
    ASSERT_EQ(static_cast<int64_t>(batch.label_rows.size()), answers);
  }
}

// int64 tensors of a safetensors file.
std::map<std::string, std::vector<int64_t>> read_integers(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  uint64_t header_bytes = 0;
  file.read(reinterpret_cast<char*>(&header_bytes), sizeof header_bytes);
  std::string header(header_bytes, '\0');
  file.read(header.data(), static_cast<std::streamsize>(header_bytes));
  std::map<std::string, std::vector<int64_t>> tensors;
  const auto entries = nlohmann::json::parse(header);
  for (const auto& [name, entry] : entries.items()) {
    if (name == "__metadata__" || entry.at("dtype") != "I64") continue;
    const int64_t begin = entry.at("data_offsets")[0], end = entry.at("data_offsets")[1];
    auto& values = tensors[name];
    values.resize(static_cast<size_t>(end - begin) / sizeof(int64_t));
    file.seekg(static_cast<std::streamoff>(sizeof header_bytes + header_bytes) + begin);
    file.read(reinterpret_cast<char*>(values.data()), end - begin);
  }
  return tensors;
}

TEST(Pack, EqualsHuggingFacesProcessor) {
  auto cases = testing::parity_cases("paligemma");
  for (const auto& folder : testing::parity_cases("paligemma2")) cases.push_back(folder);
  if (cases.empty()) GTEST_SKIP() << "skipped: no paligemma case under " << testing::parity_folder();
  for (const auto& folder : cases) {
    if (!std::filesystem::exists(folder / "inputs.safetensors")) continue;
    SCOPED_TRACE(folder.string());
    std::ifstream stream(folder / "case.json");
    const auto facts = nlohmann::json::parse(stream);
    const auto inputs = read_integers(folder / "inputs.safetensors");
    const auto tokenizer = Tokenizer::load(folder.string());
    PromptFormat prompt;
    prompt.tokens_per_image = facts.at("image_tokens_per_image");
    prompt.image_token = facts.at("image_token_id");
    SequenceText text{"batch1", {{facts.at("prompts")[0][0], facts.at("prompts")[0][1], {}}}, 1.0, 0};
    const auto batch = pack({text}, planes(1, 4), 1, tokenizer, image_of(4), prompt, false);
    const auto& ids = inputs.at("batch1.input_ids");
    EXPECT_EQ(std::vector<int64_t>(batch.tokens.begin(), batch.tokens.end()), ids);
    std::vector<int64_t> labels(ids.size(), -100);
    for (size_t i = 0; i < batch.label_rows.size(); ++i) {
      labels[static_cast<size_t>(batch.label_rows[i]) + 1] = batch.label_ids[i];
    }
    EXPECT_EQ(labels, inputs.at("batch1.labels"));
  }
}

}  // namespace
}  // namespace dermis
