#include "core/io/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "core/error.h"
#include "core/io/io_error.h"
#include "core/io/temporary_name.h"

namespace dermis {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 18;  // small writes cost one system call a quarter megabyte

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : path_(path), temporary_(temporary_name(path)) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw Error(ErrorKind::data, {.what = "cannot write '" + path + "': it is not a regular file",
                                  .where = path,
                                  .fix = "name a file that does not exist yet or may be replaced"});
  }
  try {
    file_ = FileDescriptor(temporary_, O_WRONLY | O_CREAT | O_EXCL);
  } catch (const Error& error) {
    ErrorInfo info = error.info();  // name the file that was asked for
    info.what = "cannot write '" + path + "'";
    info.where = path;
    throw Error(error.kind(), info);
  }
}

AtomicFile::~AtomicFile() {
  if (file_.is_open()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  if (buffer_.size() + bytes.size() > kBufferBytes) flush();
  if (bytes.size() >= kBufferBytes) {
    file_.write_all(bytes);
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

void AtomicFile::flush() {
  file_.write_all(buffer_);
  buffer_.clear();
}

void AtomicFile::commit() {
  flush();
  file_.sync();
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw_io_error("write", path_, errno);
  file_.close();
  sync_folder(parent_folder(path_));
}

void write_file_atomically(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace dermis
