// What every page that dermis writes needs: text that is safe inside HTML, and bytes inside a data URI.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace dermis {

std::string escape_html(const std::string& text);
std::string base64(std::span<const uint8_t> bytes);  // RFC 4648, padded

}  // namespace dermis
