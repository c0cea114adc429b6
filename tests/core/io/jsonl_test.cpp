#include "core/io/jsonl.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "core/io/read_file.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using testing::TempFolder;
using Json = nlohmann::ordered_json;

class Jsonl : public ::testing::Test {
 protected:
  std::string path() const { return folder_ / "x.jsonl"; }
  void put(const std::string& text) const { std::ofstream(path(), std::ios::binary) << text; }
  std::string error(const std::string& text) const {
    put(text);
    try {
      read_jsonl(path());
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      return error.what();
    }
    ADD_FAILURE() << "accepted: " << text;
    return "";
  }
  void expect_error(const std::string& text, const std::string& part, int line) const {
    const std::string message = error(text);
    EXPECT_NE(message.find(part), std::string::npos) << message;
    EXPECT_NE(message.find(path() + ":" + std::to_string(line)), std::string::npos) << message;
  }
  TempFolder folder_;
};

TEST_F(Jsonl, KeepsOrderAndNumbers) {
  put("{\"b\":1,\"a\":2}\r\n{\"c\":\"\xC3\xA9\\n\"}");
  std::vector<int64_t> numbers;
  std::vector<std::string> lines;
  for_each_jsonl(path(), [&](const JsonlLine& line) {
    numbers.push_back(line.number);
    lines.push_back(line.json.dump());
  });
  EXPECT_EQ(numbers, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(lines, (std::vector<std::string>{"{\"b\":1,\"a\":2}", "{\"c\":\"\xC3\xA9\\n\"}"}));
  put("");
  EXPECT_TRUE(read_jsonl(path()).empty());
}

TEST_F(Jsonl, NamesTheLineOfEachFault) {
  expect_error("{}\n{\"a\":}\n{}\n", "not JSON", 2);
  expect_error("{}\n\n{}\n", "empty line", 2);
  expect_error("{}\n[1]\n", "not a JSON object", 2);
  expect_error("{}\n{\"a\":1,\"a\":2}\n", "'a' occurs twice", 2);
  expect_error("{}\n{} {}\n", "not JSON", 2);
  expect_error("{\"a\":\"\xFF\"}\n", "not JSON", 1);
  expect_error(std::string("{}\0{}\n", 6), "zero byte", 1);
  expect_error("{\"a\":" + std::string(100'000, '['), "nested too deeply", 1);
  expect_error("{}\n{}\n{\"a\":1", "not JSON", 3);
}

TEST_F(Jsonl, SkipsATornLastLineOnlyWhenAsked) {
  put("{\"a\":1}\n{\"a\":");
  EXPECT_EQ(read_jsonl(path(), TornLine::skip).size(), 1U);
  put("{\"a\":1}\n{\"a\":2}");
  EXPECT_EQ(read_jsonl(path(), TornLine::skip).size(), 2U);
  put("{\"a\":\n{\"a\":2}\n");
  EXPECT_THROW(read_jsonl(path(), TornLine::skip), Error);
}

TEST_F(Jsonl, WriterAppendsAcrossRuns) {
  { JsonlWriter(path()).append({{"n", 1}}); }
  {
    JsonlWriter writer(path());
    writer.append({{"n", 2}, {"text", "two\nlines"}});
    writer.sync();
  }
  EXPECT_EQ(read_file(path()), "{\"n\":1}\n{\"n\":2,\"text\":\"two\\nlines\"}\n");
}

TEST_F(Jsonl, WriterRecoversFromEveryCut) {
  const std::string line = "{\"n\":1,\"text\":\"abc\"}\n";
  for (size_t length = 0; length <= line.size(); ++length) {
    put(line + line.substr(0, length));
    { JsonlWriter(path()).append({{"n", 2}}); }
    const size_t whole = length + 1 >= line.size() ? 2 : 1;
    const auto lines = read_jsonl(path());
    ASSERT_EQ(lines.size(), whole + 1) << length;
    EXPECT_EQ(lines.back()["n"], 2);
  }
}

TEST_F(Jsonl, WriterRefusesTextThatIsNotUtf8) {
  JsonlWriter writer(path());
  EXPECT_THROW(writer.append({{"a", "\xFF"}}), Error);
  EXPECT_EQ(read_file(path()), "");
}

TEST_F(Jsonl, WritesAtomically) {
  write_jsonl(path(), {{{"a", 1}}, {{"a", 2}}});
  EXPECT_EQ(read_file(path()), "{\"a\":1}\n{\"a\":2}\n");
  EXPECT_THROW(write_jsonl(path(), {{{"a", 1}}, {{"a", "\xFF"}}}), Error);
  EXPECT_EQ(read_file(path()), "{\"a\":1}\n{\"a\":2}\n");
}

}  // namespace
}  // namespace dermis
