// Whole files as text or bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dermis {

// Error(data) when absent, unreadable, a folder, or longer than `max_bytes`.
std::string read_file(const std::string& path, uint64_t max_bytes = uint64_t{1} << 32);
std::vector<uint8_t> read_bytes(const std::string& path, uint64_t max_bytes = uint64_t{1} << 32);

// Strict UTF-8: no overlong forms, surrogates or values above U+10FFFF. Byte offset of the first fault, or npos.
size_t find_invalid_utf8(std::string_view text);

}  // namespace dermis
