// CSV as RFC 4180 has it, read strictly: quoted fields may hold separators, quotes ("" for one) and line breaks; lines
// end in LF or CRLF; a byte order mark is taken off. Cells are text as it stands: nothing is trimmed or guessed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dermis {

struct CsvRow {
  std::vector<std::string> cells;
  int64_t line = 0;  // where the row begins, from 1
};

class CsvTable {
 public:
  // Error(data) naming file and line: absent or empty file, invalid UTF-8, a row with more or fewer cells than the
  // header, a quote that is not closed or stands inside an unquoted field, a column named twice or not at all.
  static CsvTable read(const std::string& path, char separator = ',');
  static CsvTable parse(std::string_view text, const std::string& name, char separator = ',');

  const std::vector<std::string>& header() const { return header_; }
  const std::vector<CsvRow>& rows() const { return rows_; }
  bool has(const std::string& column) const { return columns_.count(column) != 0; }
  // Index of a column; Error(data) listing the columns and the nearest name when absent.
  size_t column(const std::string& name) const;
  const std::string& cell(const CsvRow& row, const std::string& column_name) const;
  std::string where(const CsvRow& row) const;  // "<file>:<line>"
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::vector<std::string> header_;
  std::map<std::string, size_t> columns_;
  std::vector<CsvRow> rows_;
};

// One row as text with "\n", quoted where needed.
std::string csv_line(const std::vector<std::string>& cells, char separator = ',');

}  // namespace dermis
