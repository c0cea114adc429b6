// Files that appear whole or not at all: written under a temporary name in the same folder, fsynced, renamed.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/file_descriptor.h"

namespace dermis {

class AtomicFile {
 public:
  // Error(data) when the folder is missing or unwritable, or `path` names a folder or a device.
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();  // without commit(): the temporary file is removed and `path` stays as it was
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);  // Error(data) on a full disk
  void write(std::string_view text);
  void commit();
  const std::string& path() const { return path_; }

 private:
  void flush();

  std::string path_;
  std::string temporary_;
  FileDescriptor file_;
  std::vector<std::byte> buffer_;
};

void write_file_atomically(const std::string& path, std::string_view text);

}  // namespace dermis
