#include "core/io/temporary_name.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>

namespace dermis {

std::string temporary_name(const std::string& path) {
  static std::atomic<unsigned> count{0};
  std::filesystem::path target(path);
  if (!target.has_filename()) target = target.parent_path();  // a trailing slash
  std::filesystem::path name = target;
  do {  // a process that was killed may have left the name of a later one with the same number
    name = target.parent_path() / ("." + target.filename().string() + "." + std::to_string(::getpid()) + "-" +
                                   std::to_string(count++) + ".part");
  } while (std::filesystem::exists(std::filesystem::symlink_status(name)));
  return name.string();
}

}  // namespace dermis
