// Code points of UTF-8 text, one step at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dermis {

// Bytes of the character at text[at]; a byte that starts no valid sequence counts as a character of its own.
size_t character_length(std::string_view text, size_t at);
bool is_valid_utf8(std::string_view text);
void append_utf8(std::string& text, uint32_t code_point);

}  // namespace dermis
