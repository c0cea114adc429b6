#include "data/cmd/result_files.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "core/error.h"
#include "core/io/atomic_folder.h"
#include "core/io/file_descriptor.h"
#include "core/io/io_error.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;

// The folder itself or, while it is absent, the nearest one above it must take new files.
void check_writable(const std::string& out) {
  fs::path at = fs::absolute(out).lexically_normal();
  while (!fs::exists(at) && at.has_relative_path()) at = at.parent_path();
  if (!fs::is_directory(at)) throw_io_error("make folder", out, ENOTDIR);
  if (::access(at.c_str(), W_OK | X_OK) != 0) throw_io_error("write folder", out, errno);
}

}  // namespace

void throw_result_exists(const std::string& path) {
  throw Error(ErrorKind::data, {.what = "the folder holds a result already",
                                .where = path,
                                .expected = "a folder without this file",
                                .fix = "name another folder with --out, or say --replace"});
}

ResultFiles::ResultFiles(std::string out, const std::vector<std::string>& names, bool replace) : out_(std::move(out)) {
  for (const std::string& name : names) {
    const std::string path = (fs::path(out_) / name).string();
    if (!replace && fs::exists(path)) throw_result_exists(path);
  }
  check_writable(out_);
}

void ResultFiles::write(const std::function<void(const std::string& folder)>& fill) const {
  if (!fs::exists(out_)) {
    make_folder(parent_folder(out_));
    AtomicFolder folder(out_);
    fill(folder.temporary_path());
    folder.commit();
    return;
  }
  const AtomicFolder aside((fs::path(out_) / "result").string());  // never committed: only its files move
  fill(aside.temporary_path());
  sync_tree(aside.temporary_path());
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(aside.temporary_path())) files.push_back(entry.path());
  for (const fs::path& file : files) {
    const fs::path to = fs::path(out_) / file.filename();
    std::error_code problem;
    fs::rename(file, to, problem);
    if (problem) throw_io_error("write", to.string(), problem.value());
  }
  sync_folder(out_);
}

}  // namespace dermis
