#include "core/log/run_log.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "core/error.h"
#include "core/io/hash.h"
#include "core/io/read_file.h"
#include "core/log/run_folder.h"
#include "core/version.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using testing::TempFolder;

TEST(RunLog, CurvesComeBack) {
  const TempFolder folder;
  RunLog log(folder.path().string());
  log.scalars(1, {{"train/loss", 2.5}, {"train/lr", 1e-3}});
  log.event("stage", 1, {{"name", "fine-tune"}});
  log.scalars(2, {{"train/loss", std::nan("")}, {"val/loss", HUGE_VAL}});
  log.text(2, "sample", "a *note*");
  const auto curves = read_scalars(folder.path().string());
  ASSERT_EQ(curves.size(), 3U);
  ASSERT_EQ(curves.at("train/loss").size(), 2U);
  EXPECT_EQ(curves.at("train/loss")[0].step, 1);
  EXPECT_EQ(curves.at("train/loss")[0].value, 2.5);
  EXPECT_TRUE(std::isnan(curves.at("train/loss")[1].value));
  EXPECT_EQ(curves.at("val/loss")[0].value, HUGE_VAL);
}

TEST(RunLog, AResumedRunReplacesTheStepsItRepeats) {
  const TempFolder folder;
  {
    RunLog log(folder.path().string());
    for (int step = 1; step <= 10; ++step) log.scalars(step, {{"loss", 100.0 + step}});
  }
  std::ofstream(folder / "log.jsonl", std::ios::app) << "{\"time\": \"20";  // killed while writing
  {
    RunLog log(folder.path().string(), 6);
    for (int step = 7; step <= 8; ++step) log.scalars(step, {{"loss", step}});
  }
  const auto points = read_scalars(folder.path().string()).at("loss");
  ASSERT_EQ(points.size(), 8U);
  EXPECT_EQ(points[5].value, 106);
  EXPECT_EQ(points[6].step, 7);
  EXPECT_EQ(points[6].value, 7);
  EXPECT_EQ(points[7].value, 8);
}

uint32_t number_at(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value |= uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return value;
}

std::vector<std::string> records(const std::string& bytes) {
  std::vector<std::string> result;
  for (size_t at = 0; at < bytes.size();) {
    const size_t length = number_at(bytes, at);
    for (const auto& [begin, size] : {std::pair{at, size_t{8}}, std::pair{at + 12, length}}) {
      const uint32_t crc = crc32c(std::as_bytes(std::span(bytes)).subspan(begin, size));
      EXPECT_EQ(number_at(bytes, begin + size), ((crc >> 15) | (crc << 17)) + 0xA282EAD8U);
    }
    result.push_back(bytes.substr(at + 12, length));
    at += 12 + length + 4;
  }
  return result;
}

TEST(EventFile, FramesAndFieldsFollowTheFormat) {
  const TempFolder folder;
  EventFile file(folder.path().string(), 300);
  file.scalar(300, "loss", 0.5);
  const auto events = records(read_file(file.path()));
  ASSERT_EQ(events.size(), 3U);
  // After key 9 and eight bytes of wall time: step (field 2), then file_version (3), session_log (7), summary (5).
  EXPECT_EQ(events[0].substr(9), std::string("\x10\0\x1A\x0D", 4) + "brain.Event:2");
  EXPECT_EQ(events[1].substr(9), "\x10\xAC\x02\x3A\x02\x08\x01");
  EXPECT_EQ(events[2].substr(9), std::string("\x10\xAC\x02\x2A\x0D\x0A\x0B\x0A\x04loss\x15\0\0\0\x3F", 18));
}

TEST(EventFile, TwoInOneFolderDoNotMeet) {
  const TempFolder folder;
  const EventFile first(folder.path().string());
  const EventFile second(folder.path().string());
  EXPECT_NE(first.path(), second.path());
}

TEST(RunFolder, NotesEveryStart) {
  const TempFolder folder;
  const std::string path = folder / "runs/one";
  start_run(path, {.recipe = "seed = 1\n", .recipe_hash = "abc", .facts = {{"data", "f00"}}});
  resume_run(path, {.recipe = "other\n", .recipe_hash = "abc"});
  EXPECT_EQ(read_file(path + "/recipe.toml"), "seed = 1\n");
  const auto starts = read_jsonl(path + "/starts.jsonl");
  ASSERT_EQ(starts.size(), 2U);
  EXPECT_EQ(starts[0]["resumed"], false);
  EXPECT_EQ(starts[0]["data"], "f00");
  EXPECT_EQ(starts[0]["commit"], commit());
  EXPECT_GT(starts[0]["hardware"]["cores"], 0);
  EXPECT_NE(starts[0]["command"][0].get<std::string>().find("tests_core"), std::string::npos);
  EXPECT_EQ(starts[1]["resumed"], true);
}

// A start that ends at its recipe, as a kill would end it there, has left a run that can be gone on with.
TEST(RunFolder, AStartCutShortCanBeResumed) {
  const TempFolder folder;
  const std::string path = folder / "run";
  std::filesystem::create_directories(path + "/recipe.toml");  // cannot be written as a file
  EXPECT_THROW(start_run(path, {.recipe = "seed = 1\n", .recipe_hash = "abc"}), Error);
  std::filesystem::remove(path + "/recipe.toml");
  resume_run(path, {.recipe = "seed = 1\n", .recipe_hash = "abc"});
  EXPECT_EQ(read_file(path + "/recipe.toml"), "seed = 1\n");
  EXPECT_EQ(read_jsonl(path + "/starts.jsonl").size(), 2U);
}

TEST(RunFolder, AChangedRecipeIsWrittenAndTheOldOneKept) {
  const TempFolder folder;
  const std::string path = folder / "run";
  start_run(path, {.recipe = "seed = 1\n", .recipe_hash = "a"});
  resume_run(path, {.recipe = "seed = 2\n", .recipe_hash = "b"});
  resume_run(path, {.recipe = "seed = 2 # again\n", .recipe_hash = "b"});
  resume_run(path, {.recipe = "seed = 3\n", .recipe_hash = "c"});
  EXPECT_EQ(read_file(path + "/recipe.toml"), "seed = 3\n");
  EXPECT_EQ(read_file(path + "/recipe-1.toml"), "seed = 1\n");
  EXPECT_EQ(read_file(path + "/recipe-2.toml"), "seed = 2\n");
  EXPECT_EQ(read_jsonl(path + "/starts.jsonl").size(), 4U);
}

TEST(RunFolder, NeverMixesRuns) {
  const TempFolder folder;
  const std::string path = folder / "run";
  EXPECT_THROW(resume_run(path, {}), Error);
  start_run(path, {});
  try {
    start_run(path, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.info().fix.find("--resume"), std::string::npos);
  }
}

}  // namespace
}  // namespace dermis
