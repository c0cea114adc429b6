// What a picture file is, told from its first bytes, never from its name.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace dermis {

enum class FileFormat { jpeg, png, bmp, tiff, webp, unknown };

FileFormat sniff_format(std::span<const uint8_t> bytes);
// "GIF", "HEIF", "PDF", "HTML" and so on for what Dermis does not read; "an unknown format" otherwise.
std::string describe_unknown(std::span<const uint8_t> bytes);

// Pictures above this many pixels are refused before a byte of them is decompressed (Pillow's hard limit).
inline constexpr int64_t kMaxPixels = 178'956'970;
// Throws Error(data) for an empty or too large picture.
void check_size(int64_t width, int64_t height, const std::string& name);

// The one way in which decoders report a file that cannot be read.
[[noreturn]] void throw_unreadable(const std::string& name, const std::string& what, const std::string& found);
[[noreturn]] void throw_truncated(const std::string& name, const std::string& found);
[[noreturn]] void throw_animated(const std::string& name, const std::string& found);

}  // namespace dermis
