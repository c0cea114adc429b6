#include <cstdlib>

#include "core/error.h"
#include "core/io/jsonl.h"
#include "tests/fuzz/memory_file.h"

// What is accepted prints and parses back equal.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const dermis::testing::MemoryFile bytes(data, size);
  for (const auto torn : {dermis::TornLine::error, dermis::TornLine::skip}) {
    try {
      for (const auto& json : dermis::read_jsonl(bytes.path(), torn)) {
        const std::string line = dermis::to_line(json);
        if (dermis::to_line(dermis::parse_json(line, "again")) != line) std::abort();
      }
    } catch (const dermis::Error& error) {
      if (error.kind() != dermis::ErrorKind::data) throw;
    }
  }
  return 0;
}
