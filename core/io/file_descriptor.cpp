#include "core/io/file_descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "core/io/io_error.h"

namespace dermis {

FileDescriptor::FileDescriptor(const std::string& path, int flags, unsigned mode) : path_(path) {
  do {
    fd_ = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd_ < 0 && errno == EINTR);
  if (fd_ < 0) throw_io_error((flags & O_ACCMODE) == O_RDONLY ? "open" : "write", path, errno);
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

size_t FileDescriptor::size() const {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) throw_io_error("examine", path_, errno);
  return static_cast<size_t>(status.st_size);
}

void FileDescriptor::write_all(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_io_error("write", path_, errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void FileDescriptor::sync() {
  if (::fsync(fd_) != 0 && errno != EINVAL) throw_io_error("write", path_, errno);  // EINVAL: a pipe or terminal
}

void FileDescriptor::close() {
  const int fd = std::exchange(fd_, -1);
  if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) throw_io_error("write", path_, errno);
}

void sync_folder(const std::string& folder) { FileDescriptor(folder, O_RDONLY | O_DIRECTORY).sync(); }

std::string parent_folder(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace dermis
