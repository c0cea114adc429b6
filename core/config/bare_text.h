// The part of TOML that stands outside strings and comments.
#pragma once

#include <cstddef>
#include <string_view>

namespace dermis {

// Byte offset of the first character above ASCII outside strings and comments, or npos. TOML allows none there. Exact
// for text that is TOML otherwise.
size_t find_bare_non_ascii(std::string_view toml);

}  // namespace dermis
