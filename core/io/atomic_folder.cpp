#include "core/io/atomic_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "core/error.h"
#include "core/io/file_descriptor.h"
#include "core/io/io_error.h"
#include "core/io/temporary_name.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;

bool is_there(const std::string& path) { return fs::exists(fs::symlink_status(path)); }

std::string without_trailing_slash(const std::string& path) {
  const fs::path given(path);
  return (given.has_filename() ? given : given.parent_path()).string();
}

void move_to(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw_io_error("write", to, errno);
}

}  // namespace

AtomicFolder::AtomicFolder(const std::string& path, IfExists if_exists)
    : path_(without_trailing_slash(path)), temporary_(temporary_name(path_)), if_exists_(if_exists) {
  if (is_there(path_) && if_exists == IfExists::fail) {
    throw Error(ErrorKind::data,
                {.what = "'" + path + "' exists already", .where = path, .fix = "remove it or name another folder"});
  }
  if (is_there(path_) && !fs::is_directory(path_)) {
    throw Error(ErrorKind::data, {.what = "cannot write folder '" + path + "': a file has this name",
                                  .where = path,
                                  .fix = "remove the file or name another folder"});
  }
  if (::mkdir(temporary_.c_str(), 0777) != 0) throw_io_error("write folder", path, errno);
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(temporary_, ignored);
}

void AtomicFolder::commit() {
  sync_tree(temporary_);
  if (if_exists_ == IfExists::replace && is_there(path_)) {
    // Exchanging leaves no moment without a folder at `path_`; file systems that cannot exchange get two renames.
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) != 0) {
      const std::string old = temporary_name(path_);
      move_to(path_, old);
      move_to(temporary_, path_);
      temporary_ = old;
    }
    std::error_code ignored;
    fs::remove_all(temporary_, ignored);
  } else if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) != 0) {
    if (errno != EINVAL && errno != ENOSYS) throw_io_error("write folder", path_, errno);
    move_to(temporary_, path_);  // rename(2) refuses a folder that is not empty
  }
  committed_ = true;
  sync_folder(parent_folder(path_));
}

void make_folder(const std::string& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (code) throw_io_error("make folder", path, code.value());
  if (!fs::is_directory(path)) throw_io_error("make folder", path, ENOTDIR);
}

void sync_tree(const std::string& folder) {
  std::error_code code;
  for (fs::recursive_directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    if (entry->is_symlink()) continue;
    if (entry->is_directory()) {
      sync_folder(entry->path().string());
    } else if (entry->is_regular_file()) {
      FileDescriptor(entry->path().string(), O_RDONLY).sync();
    }
  }
  if (code) throw_io_error("read folder", folder, code.value());
  sync_folder(folder);
}

}  // namespace dermis
