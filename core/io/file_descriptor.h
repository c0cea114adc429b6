// An open file that closes itself.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace dermis {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  // open(2); Error(data) naming `path`. `flags` get O_CLOEXEC.
  FileDescriptor(const std::string& path, int flags, unsigned mode = 0666);
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  const std::string& path() const { return path_; }
  size_t size() const;
  void write_all(std::span<const std::byte> bytes);  // the whole span or Error(data)
  void sync();                                       // fsync
  void close();                                      // reports what the destructor would swallow

 private:
  int fd_ = -1;
  std::string path_;
};

// Makes renames and new names in a folder durable.
void sync_folder(const std::string& folder);
// The folder a path stands in, "." for a bare name.
std::string parent_folder(const std::string& path);

}  // namespace dermis
