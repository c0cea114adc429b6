#include "core/io/mmap_file.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/io/file_descriptor.h"
#include "core/io/io_error.h"

namespace dermis {

MmapFile::MmapFile(const std::string& path) : path_(path) {
  const FileDescriptor file(path, O_RDONLY);
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    throw Error(ErrorKind::data,
                {.what = "cannot read '" + path + "': it is not a regular file", .where = path, .fix = "name a file"});
  }
  const size_t size = file.size();
  if (size == 0) return;
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) throw_io_error("map", path, errno);
  bytes_ = {static_cast<const std::byte*>(address), size};
}

MmapFile::~MmapFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

MmapFile::MmapFile(MmapFile&& other) noexcept
    : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})) {}

MmapFile& MmapFile::operator=(MmapFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace dermis
