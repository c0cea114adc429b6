#include "core/io/io_error.h"

#include <cerrno>
#include <system_error>

#include "core/error.h"

namespace dermis {
namespace {

std::string fix_for(int code) {
  switch (code) {
    case ENOSPC: return "free some space on that disk or write to another one";
    case EDQUOT: return "the disk quota is used up: remove files or write to another disk";
    case EFBIG: return "the file system or 'ulimit -f' does not allow a file this large";
    case EACCES:
    case EPERM: return "give yourself permission on this path or name another one";
    case EROFS: return "the file system is read-only: name a path on another one";
    case ENOENT: return "check the spelling; make the folder first if it is missing";
    case ENOTDIR: return "a part of this path is a file, not a folder: check the path";
    case EISDIR: return "this is a folder: name a file";
    case EMFILE:
    case ENFILE: return "too many files are open: raise 'ulimit -n'";
    case ENOMEM: return "not enough memory: close other programs";
    case ENAMETOOLONG: return "name a shorter path";
    default: return "check the disk and the path";
  }
}

}  // namespace

void throw_io_error(const std::string& action, const std::string& path, int code) {
  throw Error(ErrorKind::data, {.what = "cannot " + action + " '" + path + "'",
                                .where = path,
                                .found = std::generic_category().message(code),
                                .fix = fix_for(code)});
}

}  // namespace dermis
