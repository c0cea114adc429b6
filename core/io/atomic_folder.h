// Folders that appear whole or not at all: filled under a temporary name beside the target, fsynced, renamed.
#pragma once

#include <string>

namespace dermis {

enum class IfExists { fail, replace };

class AtomicFolder {
 public:
  // Error(data) when `path` exists (IfExists::fail), is a file, or its parent folder is missing or unwritable.
  explicit AtomicFolder(const std::string& path, IfExists if_exists = IfExists::fail);
  ~AtomicFolder();  // without commit(): everything written is removed and `path` stays as it was
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  const std::string& temporary_path() const { return temporary_; }  // write into this folder
  std::string operator/(const std::string& name) const { return temporary_ + "/" + name; }
  void commit();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::string temporary_;
  IfExists if_exists_;
  bool committed_ = false;
};

// mkdir -p; Error(data) naming the path.
void make_folder(const std::string& path);
// fsync of every file and folder below, and of the folder itself.
void sync_tree(const std::string& folder);

}  // namespace dermis
