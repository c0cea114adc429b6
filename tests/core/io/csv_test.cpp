#include "core/io/csv.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using Cells = std::vector<std::string>;

std::string error(const std::string& text) {
  try {
    CsvTable::parse(text, "x.csv");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    return error.what();
  }
  ADD_FAILURE() << "accepted: " << text;
  return "";
}

void expect_error(const std::string& text, const std::string& part, const std::string& where) {
  const std::string message = error(text);
  EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_NE(message.find("where: " + where + "\n"), std::string::npos) << message;
}

TEST(Csv, TakesOffTheByteOrderMarkAndCrlf) {
  const auto table = CsvTable::parse("\xEF\xBB\xBFid,label\r\n1,\xC3\xA4\r\n2,\r\n", "x.csv");
  EXPECT_EQ(table.header(), (Cells{"id", "label"}));
  ASSERT_EQ(table.rows().size(), 2U);
  EXPECT_EQ(table.rows()[0].cells, (Cells{"1", "\xC3\xA4"}));
  EXPECT_EQ(table.rows()[1].cells, (Cells{"2", ""}));
}

TEST(Csv, QuotedFieldsHoldAnything) {
  const auto table = CsvTable::parse("a,b\n\"1,\"\"x\"\"\r\n2\",\"\"\n,last", "x.csv");
  ASSERT_EQ(table.rows().size(), 2U);
  EXPECT_EQ(table.rows()[0].cells, (Cells{"1,\"x\"\r\n2", ""}));
  EXPECT_EQ(table.rows()[0].line, 2);
  EXPECT_EQ(table.rows()[1].cells, (Cells{"", "last"}));
  EXPECT_EQ(table.rows()[1].line, 4);
  EXPECT_EQ(table.where(table.rows()[1]), "x.csv:4");
}

TEST(Csv, LooksUpColumns) {
  const auto table = CsvTable::parse("image_id,diagnosis\nA,nv\n", "x.csv");
  EXPECT_TRUE(table.has("diagnosis"));
  EXPECT_EQ(table.cell(table.rows()[0], "diagnosis"), "nv");
  try {
    table.column("diagnose");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean 'diagnosis'"), std::string::npos) << error.what();
  }
}

TEST(Csv, OtherSeparators) {
  const auto table = CsvTable::parse("a;b\n1,5;\"2;\"\n", "x.csv", ';');
  EXPECT_EQ(table.rows()[0].cells, (Cells{"1,5", "2;"}));
}

TEST(Csv, NamesTheLineOfEachFault) {
  expect_error("", "empty CSV file", "x.csv");
  expect_error("\xEF\xBB\xBF", "empty CSV file", "x.csv");
  expect_error("a,b\n1,2\n1,2,3\n", "different number of cells", "x.csv:3");
  expect_error("a,b\n\"x\ny\",2\n1\n", "different number of cells", "x.csv:4");
  expect_error("a,b\n\n1,2\n", "different number of cells", "x.csv:2");
  expect_error("a,b\n1,\"2\n3,4\n", "quote is never closed", "x.csv:2");
  expect_error("a,b\n1,2\"3\n", "quote inside a field", "x.csv:2");
  expect_error("a,b\n1,\"2\"3\n", "behind a closing quote", "x.csv:2");
  expect_error("a,b\n1,2\n\xFF,4\n", "not UTF-8", "x.csv:3");
  expect_error("a,a\n1,2\n", "'a' occurs twice", "x.csv:1");
  expect_error("a,,b\n1,2,3\n", "column 2 has no name", "x.csv:1");
}

TEST(Csv, LinesRoundTrip) {
  const Cells cells{"plain", "with,comma", "with \"quotes\"", "two\nlines", "", "\r"};
  const auto table = CsvTable::parse("a,b,c,d,e,f\n" + csv_line(cells), "x.csv");
  EXPECT_EQ(table.rows()[0].cells, cells);
}

TEST(Csv, ReadsTheRealTables) {
  const auto root = testing::real_data_folder();
  DERMIS_NEED(root);
  int tables = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".csv") continue;
    EXPECT_GT(CsvTable::read(entry.path().string()).rows().size(), 0U) << entry.path();
    ++tables;
  }
  EXPECT_GT(tables, 0);
}

}  // namespace
}  // namespace dermis
