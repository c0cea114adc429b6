#include <cstdlib>

#include "core/error.h"
#include "core/io/csv.h"

// What is accepted is written again and must read back equal.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using dermis::CsvTable;
  try {
    const auto table = CsvTable::parse({reinterpret_cast<const char*>(data), size}, "x.csv");
    std::string text = "\xEF\xBB\xBF" + dermis::csv_line(table.header());
    for (const auto& row : table.rows()) text += dermis::csv_line(row.cells);
    const auto again = CsvTable::parse(text, "again.csv");
    if (again.header() != table.header() || again.rows().size() != table.rows().size()) std::abort();
    for (size_t i = 0; i < table.rows().size(); ++i) {
      if (again.rows()[i].cells != table.rows()[i].cells) std::abort();
    }
  } catch (const dermis::Error& error) {
    if (error.kind() != dermis::ErrorKind::data) throw;
  }
  return 0;
}
