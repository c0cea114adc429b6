// What the emulator cannot see: a mistake in the PTX of a primitive, below the templates that it runs. Each is planted
// into the text that nvcc made, and the probes of tests/device/probes must notice it.
#include <gtest/gtest.h>

#include <stdexcept>
#include <utility>

#include "tests/device/probes/probe_kernels.h"
#include "tests/emulator/emulate.h"
#include "tests/gpu/gpu_launcher.h"
#include "tests/gpu/kernel_images.h"
#include "tests/ptx/driver.h"

namespace dermis {
namespace {

using Words = std::vector<uint32_t>;

// All sorts of bits; for products, which tensor cores cut off, few enough that none is.
enum class Input { any, few_bits };

template <class K, Input kInput>
Words output() {
  EmulatedDevice device;
  Words in(K::kIn);
  for (size_t i = 0; i < in.size(); ++i) {
    const auto turn = static_cast<uint32_t>(i % 61);
    in[i] = kInput == Input::any ? 0x3c003f80u + turn * 0x00110007u : (0x3f80u + turn % 7 * 0x20u) << 16;
  }
  DeviceBuffer<uint32_t> device_in(device, in), out(device, K::kOut), counter(device, 1);
  counter.upload(Words{0});
  emulate<K>(device, probes::launch_of<K>(), {device_in.data(), out.data(), counter.data()}, {.seed = 1});
  return out.download();
}

// The text with every `wrong` in the place of `right`; what runs see then, or what they are told.
template <class K, Input kInput>
Words output_of_ptx(const std::string& right, const std::string& wrong) {
  int planted = 0;
  const auto edit = [&](std::string& text) {
    for (size_t at = text.find(right); !right.empty() && at != std::string::npos; at = text.find(right, at)) {
      text.replace(at, right.size(), wrong);
      at += wrong.size();
      ++planted;
    }
  };
  gpu::GpuLauncher launcher(ptx::ptx_driver(edit), gpu::images_of_this_build(), {});
  KernelLauncher* before = std::exchange(kernel_launcher(), &launcher);
  Words found;
  try {
    found = output<K, kInput>();
  } catch (const std::runtime_error&) {
    found.clear();  // two runs differed, or a rule was broken
  }
  kernel_launcher() = before;
  EXPECT_EQ(planted == 0, right.empty()) << right;
  return found;
}

template <class K, Input kInput = Input::any>
void expect_noticed(const std::string& right, const std::string& wrong) {
  const Words expected = output<K, kInput>();
  EXPECT_EQ((output_of_ptx<K, kInput>("", "")), expected) << "without a mistake";
  EXPECT_NE((output_of_ptx<K, kInput>(right, wrong)), expected) << right << " -> " << wrong;
}

class PlantedInPtx : public ::testing::Test {
 protected:
  void SetUp() override {
#ifndef DERMIS_HAS_CUDA
    GTEST_SKIP() << "this build has no compiled kernels (no nvcc)";
#endif
  }
};

using Transposed = probes::LoadMatrixProbe<4, true>;

TEST_F(PlantedInPtx, TilesThatAreNotTransposed) { expect_noticed<Transposed>(".x4.trans.shared", ".x4.shared"); }

TEST_F(PlantedInPtx, TilesInAnotherOrder) {
  expect_noticed<probes::LoadMatrixProbe<2, false>>("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%r",
                                                    "ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%r");
}

TEST_F(PlantedInPtx, AWaitForTooFewCopies) {
  expect_noticed<probes::CopyProbe>("cp.async.wait_group 0", "cp.async.wait_group 1");
}

TEST_F(PlantedInPtx, ACopyThatIsNeverCommitted) { expect_noticed<probes::CopyProbe>("cp.async.commit_group;", ""); }

TEST_F(PlantedInPtx, ABarrierLeftOut) { expect_noticed<probes::CopyProbe>("bar.sync 0;", ""); }

TEST_F(PlantedInPtx, ProductsOfTheOtherType) {
  expect_noticed<probes::ProductProbe<Bf16, 16>, Input::few_bits>("f32.bf16.bf16.f32", "f32.f16.f16.f32");
}

TEST_F(PlantedInPtx, RoundingToTheOtherType) {
  expect_noticed<probes::RoundingProbe<Bf16>>("cvt.rn.bf16x2.f32", "cvt.rn.f16x2.f32");
}

}  // namespace
}  // namespace dermis
