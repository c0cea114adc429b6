// The README's walk "By hand", its commands run as they stand there, on a little set in the layout of ISIC 2017.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "core/io/read_file.h"
#include "tests/program/shell.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Lines of the first block of code below the heading; continued lines joined.
std::vector<std::string> commands_below(const std::string& heading) {
  const std::string text = read_file((testing::source_folder() / "README.md").string());
  const size_t begin = text.find("```\n", text.find(heading)) + 4;
  std::istringstream block(text.substr(begin, text.find("```", begin) - begin));
  std::vector<std::string> commands;
  std::string line, command;
  while (std::getline(block, line)) {
    command += line;
    if (command.ends_with("\\")) {
      command.pop_back();
      continue;
    }
    commands.push_back(command);
    command.clear();
  }
  return commands;
}

class Readme : public ::testing::Test {
 protected:
  testing::Outcome run(const std::string& command) {
    return testing::run_shell("cd " + folder_.path().string() +
                              " && PATH=" + testing::program_file().parent_path().string() + ":$PATH " + command);
  }
  // path/to/isic2017 and lesion.jpg, as the README calls them.
  void write_pictures() {
    ASSERT_EQ(run("dermis data generate made --count 60 --size 64 --modality dermoscopic --classes "
                  "melanoma,nevus,seborrheic_keratosis")
                  .exit_code,
              0);
    const fs::path set = folder_.path() / "path/to/isic2017";
    fs::create_directories(set.parent_path());
    fs::rename(folder_.path() / "made/images", set);
    std::ofstream labels(set / "labels.csv");
    labels << "file,isic_id,official_split,diagnosis\n";
    std::ifstream items(folder_.path() / "made/items.jsonl");
    std::string line;
    for (int i = 0; std::getline(items, line); ++i) {
      const auto item = nlohmann::json::parse(line);
      labels << item.at("id").get<std::string>() << ".jpg," << item.at("id").get<std::string>() << ','
             << (i % 5 == 3   ? "val"
                 : i % 5 == 4 ? "test"
                              : "train")
             << ',' << item.at("label").get<std::string>() << '\n';
      if (i == 4) fs::copy_file(set / (item.at("id").get<std::string>() + ".jpg"), folder_.path() / "lesion.jpg");
    }
  }

  testing::TempFolder folder_;
};

TEST_F(Readme, TheCommandsByHandRunAsTheyStand) {
  write_pictures();
  const std::vector<std::string> commands = commands_below("## By hand");
  ASSERT_EQ(commands.size(), 9U);
  for (std::string command : commands) {
    ASSERT_TRUE(command.starts_with("dermis ")) << command;
    // Minutes of training are steps here.
    if (command.starts_with("dermis train ")) command += " --set stages[0].minutes=0 --set stages[0].steps=4";
    const testing::Outcome outcome = run(command);
    ASSERT_EQ(outcome.exit_code, 0) << command << '\n' << outcome.output;
  }
  EXPECT_TRUE(fs::exists(folder_.path() / "runs/first/eval/report.html"));
  EXPECT_TRUE(fs::exists(folder_.path() / "runs/first/model/model.safetensors"));
}

}  // namespace
}  // namespace dermis
