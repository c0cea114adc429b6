#include "core/io/read_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/error.h"
#include "core/io/file_descriptor.h"
#include "core/io/io_error.h"

namespace dermis {
namespace {

// Reads until the end rather than fstat's size: /proc and pipes have none.
template <typename Container>
Container read_all(const std::string& path, uint64_t max_bytes) {
  const FileDescriptor file(path, O_RDONLY);
  Container content;
  size_t length = 0;
  content.resize(std::min<uint64_t>(file.size(), max_bytes) + 1);
  while (true) {
    const ssize_t got = ::read(file.get(), content.data() + length, content.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_io_error("read", path, errno);
    if (got == 0) break;
    length += static_cast<size_t>(got);
    if (length > max_bytes) {
      throw Error(ErrorKind::data, {.what = "'" + path + "' is too large",
                                    .where = path,
                                    .expected = "at most " + std::to_string(max_bytes) + " bytes",
                                    .fix = "check that this is the file you mean"});
    }
    if (length == content.size()) content.resize(content.size() * 2);
  }
  content.resize(length);
  return content;
}

}  // namespace

std::string read_file(const std::string& path, uint64_t max_bytes) { return read_all<std::string>(path, max_bytes); }

std::vector<uint8_t> read_bytes(const std::string& path, uint64_t max_bytes) {
  return read_all<std::vector<uint8_t>>(path, max_bytes);
}

size_t find_invalid_utf8(std::string_view text) {
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
  for (size_t at = 0; at < text.size();) {
    const unsigned lead = byte(at);
    const size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (length == 0 || at + length > text.size()) return at;
    for (size_t k = 1; k < length; ++k) {
      if ((byte(at + k) & 0xC0) != 0x80) return at;
    }
    // Unicode 15, table 3-7: the second byte rules out overlong forms, surrogates and values above U+10FFFF.
    const unsigned second = length > 1 ? byte(at + 1) : 0;
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
        (lead == 0xF4 && second > 0x8F)) {
      return at;
    }
    at += length;
  }
  return std::string_view::npos;
}

}  // namespace dermis
