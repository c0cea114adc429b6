#include "tests/gpu/kernel_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "tests/device/probes/probe_kernels.h"
#include "tests/emulator/emulate.h"
#include "tests/support/paths.h"

namespace dermis::gpu {
namespace {

using ::testing::SizeIs;

// Magic number, version 1, 16 bytes of header, then the size of the content (little endian).
std::string image_of(const std::string& content) {
  std::string text("\x50\xed\x55\xba\x01\x00\x10\x00", 8);
  for (size_t i = 0; i < 8; ++i) text += static_cast<char>(content.size() >> (8 * i) & 0xff);
  return text + content;
}

std::string written(const testing::TempFolder& folder, const std::string& bytes) {
  const std::string path = folder / "kernels";
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

TEST(KernelImages, AreFoundOneAfterAnotherAtMultiplesOfEight) {
  const testing::TempFolder folder;
  const std::string first = image_of("abc"), second = image_of("0123456789abcdef");
  const auto images = kernel_images(written(folder, first + std::string(5, '\0') + second));
  ASSERT_THAT(images, SizeIs(2));
  EXPECT_EQ(std::string(images[0].begin(), images[0].end()), first);
  EXPECT_EQ(std::string(images[1].begin(), images[1].end()), second);
}

TEST(KernelImages, OfAFileWithoutAnyAreAnErrorThatNamesIt) {
  const testing::TempFolder folder;
  for (const std::string& bytes :
       {std::string(), std::string("no kernels here"), std::string("\177ELF"), image_of("abcdefgh").substr(0, 20)}) {
    EXPECT_THROW(kernel_images(written(folder, bytes)), Error);
  }
}

// What the build made: nvcc's own files hold the kernels under the symbols that emulate() asks for.
std::filesystem::path beside_program(const char* name) {
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  return std::filesystem::exists(folder / name) ? folder / name : folder.parent_path() / name;
}

TEST(KernelImages, OfTheProbesHoldTheSymbolsThatTestsAskFor) {
  const auto file = beside_program("probes.fatbin");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "skipped: built without nvcc";
  const auto images = kernel_images(file.string());
  ASSERT_THAT(images, SizeIs(1));
  const std::string bytes(images[0].begin(), images[0].end());
  EXPECT_NE(bytes.find(kernel_symbol<probes::CopyProbe>()), std::string::npos) << kernel_symbol<probes::CopyProbe>();
  EXPECT_NE(bytes.find(kernel_symbol<probes::TileProbe<Bf16, 72>>()), std::string::npos);
}

TEST(KernelImages, OfTheModuleAreOneForEveryCudaFile) {
  const auto file = beside_program("libdermis_cuda.so");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "skipped: built without nvcc";
  DERMIS_NEED(testing::source_folder());
  size_t sources = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(testing::source_folder() / "kernels"))
    sources += entry.path().extension() == ".cu";
  EXPECT_EQ(kernel_images(file.string()).size(), sources);
}

}  // namespace
}  // namespace dermis::gpu
