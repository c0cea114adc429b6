// Evaluation of a tiny random model on a tiny shard folder: resume, refusal of foreign predictions, independence of
// batching.
#include "infer/eval/predict.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "core/io/atomic_file.h"
#include "core/io/hash.h"
#include "core/io/read_file.h"
#include "data/batch/loader.h"
#include "data/image/encode.h"
#include "data/text/train_tokenizer.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

Record question(const std::string& item, const std::string& type, Turn turn) {
  Record record;
  record.id = item + "/" + type + "/0";
  record.item = record.group = item;
  record.split = "test";
  record.question_type = type;
  record.label = "nevus";
  record.licence = "CC0-1.0";
  record.turns = {std::move(turn)};
  return record;
}

class PredictTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const TokenizerTraining training = train_tokenizer(
        {"diagnosis?", "melanoma", "nevus", "describe the border", "the border is regular", "the border is irregular"},
        300);
    write_file_atomically(folder_ / "tokenizer.model", training.model);
    VlmConfig config = preset("demo");
    config.vision.image_size = 16;
    config.image.size = 16;
    config.vision.layers = config.language.layers = 1;
    config.fit_vocabulary(Tokenizer::load(folder_ / "tokenizer.model").size());
    save_model(Vlm(config, 3), folder_ / "model", folder_ / "tokenizer.model");
    write_shards("shards", 5);
  }

  void write_shards(const std::string& name, int count) {
    ShardWriter writer(folder_ / name, 1 << 20);
    for (int i = 0; i < count; ++i) {
      Image image{20, 20, std::vector<uint8_t>(1200)};
      for (size_t j = 0; j < image.rgb.size(); ++j) image.rgb[j] = static_cast<uint8_t>(j * static_cast<size_t>(7 + i));
      const std::string id = "item" + std::to_string(i);
      ShardSample sample;
      sample.key = id;
      sample.image = encode_png(image);
      sample.extension = "png";
      sample.item.id = id;
      sample.item.image = id + ".png";
      sample.item.group = id;
      sample.item.licence = "CC0-1.0";
      sample.item.split = "test";
      sample.item.width = sample.item.height = 20;
      sample.item.sha256 = sha256_hex(std::as_bytes(std::span(sample.image)));
      sample.records = {
          question(id, "diagnosis_closed", {"diagnosis?", i % 2 == 0 ? "nevus" : "melanoma", {"melanoma", "nevus"}}),
          question(id, "border", {"describe the border", "the border is regular", {}})};
      writer.add(sample);
    }
    ShardManifest facts;
    facts.split = "test";
    writer.finish(facts);
  }

  std::vector<Prediction> run(const std::string& out, int batch, int64_t limit = 0,
                              const AnswerCorrection& correction = {}) {
    EvalOptions options;
    options.correction = correction;
    options.out = folder_ / out;
    options.images_per_batch = batch;
    options.max_new_tokens = 4;
    options.limit = limit;
    options.model_digest = model_digest(folder_ / "model");
    return predict(open_engine(folder_ / "model"), ShardReader(folder_ / "shards"), options);
  }

  testing::TempFolder folder_;
};

TEST_F(PredictTest, AnswersDoNotDependOnTheBatch) {
  const auto alone = run("a", 1);
  const auto together = run("b", 4);
  ASSERT_EQ(alone.size(), 10U);
  ASSERT_EQ(together.size(), alone.size());
  for (size_t i = 0; i < alone.size(); ++i) {
    EXPECT_EQ(alone[i].id, together[i].id);
    EXPECT_EQ(alone[i].predicted, together[i].predicted);
    ASSERT_EQ(alone[i].probabilities.size(), together[i].probabilities.size());
    for (size_t k = 0; k < alone[i].probabilities.size(); ++k)
      EXPECT_NEAR(alone[i].probabilities[k], together[i].probabilities[k], 1e-4);
  }
}

TEST_F(PredictTest, AStoppedRunGoesOnAndEndsTheSame) {
  const auto whole = run("whole", 2);
  run("parts", 2, 3);  // stops after three pictures
  std::ofstream(folder_ / "parts/predictions.jsonl", std::ios::app) << "{\"id\": \"torn";
  const auto resumed = run("parts", 2);
  ASSERT_EQ(resumed.size(), whole.size());
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(resumed[i].id, whole[i].id);
    EXPECT_EQ(resumed[i].predicted, whole[i].predicted);
  }
  EXPECT_EQ(read_predictions(folder_ / "parts").predictions.size(), whole.size());
}

// Killed while it wrote the first line: the line that says what the predictions were made with must not be missed.
TEST_F(PredictTest, ATornHeaderIsWrittenAnew) {
  const auto whole = run("whole", 2);
  std::filesystem::create_directories(folder_.path() / "torn");
  std::ofstream(folder_ / "torn/predictions.jsonl") << R"({"header":1,"mo)";
  run("torn", 2);
  const StoredPredictions stored = read_predictions(folder_ / "torn");
  EXPECT_EQ(stored.header, read_predictions(folder_ / "whole").header);
  EXPECT_EQ(stored.predictions.size(), whole.size());
}

TEST_F(PredictTest, PredictionsWithoutAHeaderAreNamed) {
  run("out", 2);
  const std::string path = folder_ / "out/predictions.jsonl";
  const std::string text = read_file(path);
  std::ofstream(path) << text.substr(text.find('\n') + 1);
  EXPECT_THROW(read_predictions(folder_ / "out"), Error);
  EXPECT_THROW(run("out", 2), Error);
}

TEST_F(PredictTest, AFileInPlaceOfTheFolderIsNamed) {
  std::ofstream(folder_ / "file") << "x";
  try {
    run("file", 2);
    FAIL() << "nothing failed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(error.info().where.find("file"), std::string::npos) << error.info().where;
  }
}

TEST_F(PredictTest, UnknownQuestionTypesAreRefusedWithTheKnownOnes) {
  EvalOptions options;
  options.out = folder_ / "out";
  options.question_types = {"border", "foo"};
  try {
    predict(open_engine(folder_ / "model"), ShardReader(folder_ / "shards"), options);
    FAIL() << "nothing failed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(error.info().found, "foo");
    EXPECT_EQ(error.info().expected, "border, diagnosis_closed");
  }
}

TEST_F(PredictTest, AFullDiskStopsTheRunWhichGoesOnOnceThereIsRoom) {
  const auto whole = run("whole", 2);
  const auto bytes = std::filesystem::file_size(folder_ / "whole/predictions.jsonl");
  try {
    const testing::FileSizeLimit full(bytes / 2);
    run("full", 2);
    FAIL() << "nothing failed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(error.info().where.find("predictions.jsonl"), std::string::npos) << error.info().where;
  }
  const auto resumed = run("full", 2);
  ASSERT_EQ(resumed.size(), whole.size());
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(resumed[i].id, whole[i].id);
    EXPECT_EQ(resumed[i].predicted, whole[i].predicted);
  }
}

TEST_F(PredictTest, ACorrectionMovesClosedAnswersAloneAndStandsInTheHeader) {
  const AnswerCorrection correction{{"diagnosis_closed", {.scale = 1, .offsets = {{"nevus", 50.0}}, .questions = 40}}};
  const auto plain = run("plain", 2);
  const auto moved = run("moved", 2, 0, correction);
  ASSERT_EQ(moved.size(), plain.size());
  for (size_t i = 0; i < plain.size(); ++i) {
    if (moved[i].closed()) {
      EXPECT_EQ(moved[i].predicted, "nevus");
      EXPECT_GT(moved[i].probabilities[1], 0.999);  // the options are melanoma and nevus
    } else {
      EXPECT_EQ(moved[i].predicted, plain[i].predicted);
    }
  }
  try {
    run("moved", 2);
    FAIL() << "corrected and uncorrected answers were mixed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.info().where.find("correction"), std::string::npos) << error.info().where;
  }
}

TEST_F(PredictTest, PredictionsOfOtherShardsAreRefused) {
  run("out", 2);
  std::filesystem::remove_all(folder_ / "shards");
  write_shards("shards", 4);
  try {
    run("out", 2);
    FAIL() << "foreign predictions were taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.info().where.find("shards_fingerprint"), std::string::npos);
    EXPECT_NE(error.info().fix.find("--restart"), std::string::npos);
  }
}

TEST_F(PredictTest, HistoryTurnsDoNotCountIntoTheScore) {
  const Engine engine = open_engine(folder_ / "model");
  const std::vector<Image> images{Image{16, 16, std::vector<uint8_t>(768, 90)}};
  const Turn earlier{"describe the border", "the border is irregular", {}};
  const std::vector<Question> asked{{"q", {earlier}, "diagnosis?", {"melanoma", "nevus"}, 0}};
  const auto scores = score_options(engine, images, asked);
  // log p(answer | prompt and history) is the whole conversation's minus the history's own.
  const auto whole = [&](const std::string& answer) {
    const Batch batch =
        pack({{"q", {earlier, {"diagnosis?", answer, {}}}, 1.0, 0}}, std::vector<uint8_t>(768, 90), 1, engine.tokenizer,
             engine.model.config().image, engine.model.config().prompt_format(), false);
    return sequence_log_likelihoods(engine.model, batch)[0];
  };
  const Batch first = pack({{"q", {earlier}, 1.0, 0}}, std::vector<uint8_t>(768, 90), 1, engine.tokenizer,
                           engine.model.config().image, engine.model.config().prompt_format(), false);
  const double history = sequence_log_likelihoods(engine.model, first)[0];
  EXPECT_NEAR(scores[0][0], whole("melanoma") - history, 1e-3);
  EXPECT_NEAR(scores[0][1], whole("nevus") - history, 1e-3);
}

}  // namespace
}  // namespace dermis
