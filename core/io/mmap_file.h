// A file mapped read-only into memory: opening costs nothing, pages come in when they are read.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace dermis {

// Movable; the bytes stay where they are until destruction, also after a move. Reading is thread-safe. Another process
// that shortens the file while it is mapped ends this one (SIGBUS): dermis replaces files by renaming, which is safe.
class MmapFile {
 public:
  explicit MmapFile(const std::string& path);  // Error(data) when absent, unreadable or not a regular file
  ~MmapFile();
  MmapFile(MmapFile&& other) noexcept;
  MmapFile& operator=(MmapFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return bytes_; }  // empty for an empty file
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::span<const std::byte> bytes_;
};

}  // namespace dermis
