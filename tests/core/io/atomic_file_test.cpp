#include "core/io/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "core/error.h"
#include "core/io/atomic_folder.h"
#include "core/io/jsonl.h"
#include "core/io/read_file.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using testing::FileSizeLimit;
using testing::TempFolder;

size_t entries(const std::filesystem::path& folder) {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

template <typename F>
ErrorInfo data_error(F action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    return error.info();
  }
  ADD_FAILURE() << "no error";
  return {};
}

TEST(AtomicFile, AppearsOnCommitAndReplaces) {
  const TempFolder folder;
  const std::string path = folder / "a.txt";
  {
    AtomicFile file(path);
    file.write("one");
    EXPECT_FALSE(std::filesystem::exists(path));
    file.commit();
  }
  EXPECT_EQ(read_file(path), "one");
  const std::string large(1'000'000, 'x');
  write_file_atomically(path, large);
  EXPECT_EQ(read_file(path), large);
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFile, LeavesNothingWithoutCommit) {
  const TempFolder folder;
  write_file_atomically(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write(std::string(1'000'000, 'x'));
  }
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFile, AFullDiskKeepsTheOldFile) {
  const TempFolder folder;
  write_file_atomically(folder / "a", "old");
  ErrorInfo info;
  {
    const FileSizeLimit limit(100'000);
    info = data_error([&] { write_file_atomically(folder / "a", std::string(1'000'000, 'x')); });
  }
  EXPECT_NE(info.what.find("cannot write"), std::string::npos);
  EXPECT_FALSE(info.fix.empty());
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFile, FullDeviceNamesThePathAndTheWayOut) {
  FileDescriptor full("/dev/full", 1);
  const std::string text(10, 'x');
  const ErrorInfo info = data_error([&] { full.write_all(std::as_bytes(std::span(text))); });
  EXPECT_EQ(info.where, "/dev/full");
  EXPECT_NE(info.found.find("No space left"), std::string::npos);
  EXPECT_NE(info.fix.find("free some space"), std::string::npos);
}

TEST(AtomicFile, RefusesFoldersDevicesAndMissingFolders) {
  const TempFolder folder;
  EXPECT_NE(data_error([&] { AtomicFile{folder.path().string()}; }).what.find("not a regular file"), std::string::npos);
  EXPECT_NE(data_error([&] { AtomicFile{"/dev/null"}; }).what.find("not a regular file"), std::string::npos);
  const ErrorInfo missing = data_error([&] { AtomicFile{folder / "no/such/file"}; });
  EXPECT_EQ(missing.where, folder / "no/such/file");
  EXPECT_NE(missing.fix.find("make the folder"), std::string::npos);
}

// Root may write everywhere: such tests run as nobody for the rest of the scope.
class WithoutRoot {
 public:
  WithoutRoot() {
    if (::geteuid() == 0) dropped_ = ::seteuid(65534) == 0;
  }
  ~WithoutRoot() {
    if (dropped_ && ::seteuid(0) != 0) std::abort();
  }

 private:
  bool dropped_ = false;
};

TEST(AtomicFile, UnwritableFolderIsADataError) {
  const TempFolder folder;
  write_file_atomically(folder / "a", "old");
  std::filesystem::permissions(folder.path(), std::filesystem::perms{0555});
  ErrorInfo file;
  ErrorInfo new_folder;
  ErrorInfo made_folder;
  {
    const WithoutRoot nobody;
    file = data_error([&] { AtomicFile{folder / "a"}; });
    new_folder = data_error([&] { AtomicFolder{folder / "b"}; });
    made_folder = data_error([&] { make_folder(folder / "c"); });
  }
  EXPECT_EQ(file.where, folder / "a");
  EXPECT_NE(file.fix.find("permission"), std::string::npos);
  EXPECT_EQ(new_folder.where, folder / "b");
  EXPECT_EQ(made_folder.where, folder / "c");
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(entries(folder.path()), 1U);
}

// A file system of 256 kB, mounted for the rest of the scope where that is allowed.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    make_folder(path);
    mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=256k") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_;
};

TEST(AtomicFile, AFullFileSystemIsADataError) {
  const TempFolder folder;
  const std::string disk_path = folder / "disk";
  const SmallDisk disk(disk_path);
  if (!disk.mounted()) GTEST_SKIP() << "skipped: no permission to mount a small file system";
  write_file_atomically(disk_path + "/a", "old");
  const ErrorInfo info = data_error([&] { write_file_atomically(disk_path + "/a", std::string(1'000'000, 'x')); });
  EXPECT_NE(info.found.find("No space left"), std::string::npos);
  EXPECT_NE(info.fix.find("free some space"), std::string::npos);
  EXPECT_EQ(read_file(disk_path + "/a"), "old");

  JsonlWriter writer(disk_path + "/log.jsonl");
  data_error([&] {
    for (int i = 0; i < 100'000; ++i) writer.append({{"line", i}, {"text", std::string(100, 'x')}});
  });
  const auto lines = read_jsonl(disk_path + "/log.jsonl");  // whole lines only
  EXPECT_GT(lines.size(), 100U);
  EXPECT_EQ(entries(disk_path), 2U);
}

TEST(AtomicFile, ReadOnlyFileSystemIsADataError) {
  if (!std::filesystem::exists("/proc/self")) GTEST_SKIP() << "skipped: no /proc";
  data_error([&] { AtomicFile{"/proc/self/dermis"}; });
}

TEST(AtomicFolder, AppearsWholeOnCommit) {
  const TempFolder folder;
  {
    AtomicFolder target(folder / "model/");
    make_folder(target / "sub/deep");
    std::ofstream(target / "sub/deep/x") << "1";
    EXPECT_FALSE(std::filesystem::exists(folder / "model"));
    target.commit();
  }
  EXPECT_EQ(read_file(folder / "model/sub/deep/x"), "1");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFolder, LeavesNothingWithoutCommit) {
  const TempFolder folder;
  {
    const AtomicFolder target(folder / "model");
    std::ofstream(target / "x") << "1";
  }
  EXPECT_EQ(entries(folder.path()), 0U);
}

TEST(AtomicFolder, RefusesOrReplacesWhatExists) {
  const TempFolder folder;
  make_folder(folder / "model/old");
  EXPECT_NE(data_error([&] { AtomicFolder{folder / "model"}; }).what.find("exists already"), std::string::npos);
  {
    AtomicFolder target(folder / "model", IfExists::replace);
    std::ofstream(target / "new") << "1";
    target.commit();
  }
  EXPECT_TRUE(std::filesystem::exists(folder / "model/new"));
  EXPECT_FALSE(std::filesystem::exists(folder / "model/old"));
  EXPECT_EQ(entries(folder.path()), 1U);
  std::ofstream(folder / "file") << "1";
  EXPECT_NE(data_error([&] { AtomicFolder(folder / "file", IfExists::replace); }).what.find("a file has this name"),
            std::string::npos);
}

TEST(AtomicFolder, DoesNotOverwriteAFolderThatCameUpMeanwhile) {
  const TempFolder folder;
  AtomicFolder target(folder / "model");
  make_folder(folder / "model");
  std::ofstream(folder / "model/theirs") << "1";
  data_error([&] { target.commit(); });
  EXPECT_TRUE(std::filesystem::exists(folder / "model/theirs"));
}

TEST(AtomicFolder, MakeFolderNamesAFileInTheWay) {
  const TempFolder folder;
  std::ofstream(folder / "file") << "1";
  EXPECT_EQ(data_error([&] { make_folder(folder / "file/sub"); }).where, folder / "file/sub");
}

}  // namespace
}  // namespace dermis
