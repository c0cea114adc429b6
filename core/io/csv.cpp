#include "core/io/csv.h"

#include <algorithm>

#include "core/error.h"
#include "core/io/read_file.h"
#include "core/nearest_name.h"

namespace dermis {
namespace {

[[noreturn]] void reject(const std::string& where, const std::string& what, const std::string& expected,
                         const std::string& found, const std::string& fix) {
  throw Error(ErrorKind::data, {.what = what, .where = where, .expected = expected, .found = found, .fix = fix});
}

class CsvParser {
 public:
  CsvParser(std::string_view text, const std::string& name, char separator)
      : text_(text), name_(name), separator_(separator) {}

  bool at_end() const { return at_ == text_.size(); }

  CsvRow row() {
    CsvRow result;
    result.line = line_;
    while (true) {
      result.cells.push_back(!at_end() && text_[at_] == '"' ? quoted() : plain());
      if (at_end()) return result;
      if (text_[at_] == separator_) {
        ++at_;
        continue;
      }
      take_line_end();
      return result;
    }
  }

 private:
  bool at_line_end() const {
    return text_[at_] == '\n' || (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n');
  }

  void take_line_end() {
    if (!at_line_end()) {
      reject(where(), "text behind a closing quote", "a separator or the end of the line",
             "'" + std::string(1, text_[at_]) + "'", "double each quote inside a quoted field");
    }
    at_ += text_[at_] == '\r' ? 2 : 1;
    ++line_;
  }

  std::string plain() {
    const size_t begin = at_;
    while (!at_end() && text_[at_] != separator_ && !at_line_end()) {
      if (text_[at_] == '"') {
        reject(where(), "quote inside a field that is not quoted", "quotes around the whole field",
               std::string(text_.substr(begin, std::min<size_t>(at_ - begin + 1, 40))),
               "quote the field and double the quotes inside it");
      }
      ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string quoted() {
    const int64_t first_line = line_;
    std::string cell;
    for (++at_; !at_end(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        if (at_end() || text_[at_] != '"') return cell;
      }
      if (c == '\n') ++line_;
      cell += c;
    }
    line_ = first_line;
    reject(where(), "quote is never closed", "a closing '\"'", "the end of the file", "close the quoted field");
  }

  std::string where() const { return name_ + ":" + std::to_string(line_); }

  std::string_view text_;
  std::string name_;
  char separator_;
  size_t at_ = 0;
  int64_t line_ = 1;
};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

CsvTable CsvTable::read(const std::string& path, char separator) { return parse(read_file(path), path, separator); }

CsvTable CsvTable::parse(std::string_view text, const std::string& name, char separator) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const size_t fault = find_invalid_utf8(text);
  if (fault != std::string_view::npos) {
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(fault), '\n');
    reject(name + ":" + std::to_string(line), "text is not UTF-8", "UTF-8",
           "byte " + std::to_string(static_cast<unsigned char>(text[fault])), "save the file as UTF-8");
  }
  CsvTable table;
  table.name_ = name;
  CsvParser parser(text, name, separator);
  if (parser.at_end()) reject(name, "empty CSV file", "a header line", "no text", "check the file");
  table.header_ = parser.row().cells;
  for (size_t i = 0; i < table.header_.size(); ++i) {
    const std::string& column = table.header_[i];
    if (column.empty()) {
      reject(name + ":1", "column " + std::to_string(i + 1) + " has no name", "a name for every column",
             joined(table.header_), "name the column");
    }
    if (!table.columns_.emplace(column, i).second) {
      reject(name + ":1", "column '" + column + "' occurs twice", "each column once", joined(table.header_),
             "rename one of them");
    }
  }
  while (!parser.at_end()) {
    CsvRow row = parser.row();
    if (row.cells.size() != table.header_.size()) {
      reject(table.where(row), "row with a different number of cells", std::to_string(table.header_.size()) + " cells",
             std::to_string(row.cells.size()), "give every row as many cells as the header, quoting separators");
    }
    table.rows_.push_back(std::move(row));
  }
  return table;
}

size_t CsvTable::column(const std::string& name) const {
  const auto found = columns_.find(name);
  if (found != columns_.end()) return found->second;
  const std::string near = nearest_name(name, header_);
  reject(name_ + ":1", "column '" + name + "' is missing", name, joined(header_),
         near.empty() ? "add the column or name another one" : "did you mean '" + near + "'?");
}

const std::string& CsvTable::cell(const CsvRow& row, const std::string& column_name) const {
  return row.cells[column(column_name)];
}

std::string CsvTable::where(const CsvRow& row) const { return name_ + ":" + std::to_string(row.line); }

std::string csv_line(const std::vector<std::string>& cells, char separator) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += separator;
    if (cells[i].find_first_of(std::string("\"\r\n") + separator) == std::string::npos) {
      line += cells[i];
      continue;
    }
    line += '"';
    for (const char c : cells[i]) line += c == '"' ? std::string("\"\"") : std::string(1, c);
    line += '"';
  }
  return line + "\n";
}

}  // namespace dermis
