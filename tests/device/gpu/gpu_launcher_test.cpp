// The launcher with a driver made of host functions: where buffers and pointers go, what comes back, what it notices.
#include "tests/gpu/gpu_launcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <utility>

namespace dermis::gpu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct DoubleParams {
  const float* in;
  float* const* outs;  // [1] a table of pointers
  int32_t count;
};

// In the emulator: out = 2 in.
struct DoubleKernel {
  using Params = DoubleParams;
  static constexpr int kThreads = 32, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    if (m.thread() < p.count) m.store(m.load(p.outs) + m.thread(), 2 * m.load(p.in + m.thread()));
  }
};

using FakeKernel = std::function<void(const DoubleParams&, int run)>;

constexpr int kAsAllocated = 0x2b;
struct Traffic {
  size_t to_device = 0, to_host = 0;  // bytes
};

// Knows DoubleKernel alone, as `kernel`.
CudaDriver fake_driver(FakeKernel kernel, Traffic* traffic) {
  CudaDriver driver;
  driver.error_text = [](int) { return "fake error"; };
  driver.allocate = [](Address* address, size_t bytes) {
    *address = reinterpret_cast<Address>(std::memset(std::malloc(bytes), kAsAllocated, bytes));
    return 0;
  };
  driver.release = [](Address address) {
    std::free(reinterpret_cast<void*>(address));
    return 0;
  };
  driver.to_device = [traffic](Address to, const void* from, size_t bytes) {
    std::memcpy(reinterpret_cast<void*>(to), from, bytes);
    traffic->to_device += bytes;
    return 0;
  };
  driver.to_host = [traffic](void* to, Address from, size_t bytes) {
    std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
    traffic->to_host += bytes;
    return 0;
  };
  driver.copy = [](Address to, Address from, size_t bytes) {
    std::memcpy(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), bytes);
    return 0;
  };
  driver.load = [](void** module, const void*) {
    *module = nullptr;
    return 0;
  };
  driver.find = [](void** function, void*, const char* name) {
    static int some_function;
    *function = &some_function;
    return name == kernel_symbol<DoubleKernel>() ? 0 : kNotFound;
  };
  driver.allow_shared = [](void*, uint32_t) { return 0; };
  driver.launch = [kernel, run = 0](void*, const uint32_t(&)[3], uint32_t, uint32_t, void** params) mutable {
    kernel(*static_cast<const DoubleParams*>(params[0]), run++);
    return 0;
  };
  driver.wait = [] { return 0; };
  return driver;
}

class GpuLauncherTest : public ::testing::Test {
 protected:
  ~GpuLauncherTest() override { kernel_launcher() = before_; }

  void run(FakeKernel kernel, GpuRuns runs = {}) {
    traffic_ = {};
    GpuLauncher launcher(fake_driver(std::move(kernel), &traffic_), {{0}}, runs);
    kernel_launcher() = &launcher;
    emulate<DoubleKernel>(device_, {{1, 1, 1}, 32, 0}, {in_.data(), outs_.data(), 4});
    EXPECT_EQ(launcher.launches(), 1);
  }
  std::string failure(FakeKernel kernel, GpuRuns runs = {}) {
    try {
      run(std::move(kernel), runs);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "none";
  }

  Traffic traffic_;
  KernelLauncher* before_ = std::exchange(kernel_launcher(), nullptr);
  EmulatedDevice device_;
  DeviceBuffer<float> in_{device_, std::vector<float>{1, 2, 3, 4}}, out_{device_, 4};
  DeviceBuffer<float*> outs_{device_, std::vector<float*>{out_.data()}};
};

void doubled(const DoubleParams& p, int) {
  for (int i = 0; i < p.count; ++i) p.outs[0][i] = 2 * p.in[i];
}

TEST_F(GpuLauncherTest, PointersLeadToCopiesAndResultsComeBack) {
  const float* host_in = in_.data();
  run([&](const DoubleParams& p, int run) {
    EXPECT_NE(p.in, host_in);
    doubled(p, run);
  });
  EXPECT_THAT(out_.download(), ElementsAre(2, 4, 6, 8));
  EXPECT_EQ(out_.unwritten(), 0U);
  EXPECT_EQ(outs_.download()[0], out_.data()) << "the table of pointers still leads to the test's buffers";
}

TEST_F(GpuLauncherTest, EveryRunStartsFromTheSameInput) {
  run(
      [](const DoubleParams& p, int run) {
        EXPECT_THAT(std::vector<float>(p.in, p.in + 4), ElementsAre(1, 2, 3, 4)) << "run " << run;
        doubled(p, run);
        const_cast<float*>(p.in)[0] += 10;
      },
      {5});
  EXPECT_EQ(in_.download()[0], 11) << "what the kernel did to its input is seen once";
}

TEST_F(GpuLauncherTest, WhatNoRunWroteStaysUnwritten) {
  run([](const DoubleParams& p, int) { p.outs[0][1] = 7; });
  EXPECT_EQ(out_.unwritten(), 3U);
  EXPECT_EQ(out_.download()[1], 7);
}

TEST_F(GpuLauncherTest, RunsThatDifferAreAnError) {
  const auto flaky = [](const DoubleParams& p, int run) {
    doubled(p, run);
    if (run == 8) p.outs[0][3] += 1;
  };
  EXPECT_THAT(failure(flaky, {9}), HasSubstr("run 9 differs from the first at byte"));
  EXPECT_EQ(failure(flaky, {8}), "none");
}

TEST_F(GpuLauncherTest, ARunThatLeavesAnElementOutDiffers) {
  const auto forgetful = [](const DoubleParams& p, int run) {
    for (int i = 0; i < (run == 6 ? 3 : 4); ++i) p.outs[0][i] = 2 * p.in[i];
  };
  EXPECT_THAT(failure(forgetful, {7}), HasSubstr("run 7 differs from the first at byte 12"));
}

// A thousand runs are affordable because a run moves only what it changes, and no input.
TEST_F(GpuLauncherTest, LaterRunsReadBackResultsAlone) {
  const std::vector<float> zeros(4, 0);
  out_.upload(zeros);
  run(doubled, {4});
  const Traffic four = traffic_;
  out_.upload(zeros);
  run(doubled, {104});
  EXPECT_EQ(traffic_.to_device, four.to_device);
  EXPECT_EQ(traffic_.to_host, four.to_host + 100 * out_.size() * sizeof(float));
}

TEST_F(GpuLauncherTest, AnInputThatALaterRunWritesIsAnError) {
  const auto stray = [](const DoubleParams& p, int run) {
    doubled(p, run);
    if (run == 4) const_cast<float*>(p.in)[3] = -4;  // the sign bit: the last byte
  };
  EXPECT_THAT(failure(stray, {5}), HasSubstr("wrote byte 15 of a buffer of 16 bytes that the first runs left alone"));
}

TEST_F(GpuLauncherTest, AFreshRunFindsOnlyWhatWasWritten) {
  run([](const DoubleParams& p, int) { p.outs[0][1] = 7; });
  float as_allocated;
  std::memset(&as_allocated, kAsAllocated, sizeof(as_allocated));
  std::vector<std::vector<float>> seen;
  run(
      [&](const DoubleParams& p, int run) {
        EXPECT_THAT(std::vector<float>(p.in, p.in + 4), ElementsAre(1, 2, 3, 4));
        seen.emplace_back(p.outs[0], p.outs[0] + 4);
        doubled(p, run);
      },
      {.count = 2, .fresh = true});
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_THAT(seen[0], ElementsAre(as_allocated, 7, as_allocated, as_allocated));
  EXPECT_TRUE(std::isnan(seen[1][0])) << "the other runs hold poison";
  EXPECT_THAT(out_.download(), ElementsAre(2, 4, 6, 8));
}

TEST_F(GpuLauncherTest, AResultThatDependsOnUnwrittenMemoryIsAnError) {
  EXPECT_THAT(failure([](const DoubleParams& p, int) {
                uint32_t word;
                std::memcpy(&word, p.outs[0] + 2, 4);  // poison
                p.outs[0][1] = static_cast<float>(word);
              }),
              HasSubstr("what nothing wrote"));
}

TEST_F(GpuLauncherTest, FailuresCarryTheDriversWords) {
  CudaDriver driver = fake_driver(doubled, &traffic_);
  driver.wait = [] { return 700; };
  GpuLauncher launcher(std::move(driver), {{0}}, {});
  kernel_launcher() = &launcher;
  try {
    emulate<DoubleKernel>(device_, {{1, 1, 1}, 32, 0}, {in_.data(), outs_.data(), 4});
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("fake error (CUDA error 700)"));
    EXPECT_THAT(error.what(), HasSubstr(kernel_symbol<DoubleKernel>()));
  }
}

// The same body under a name that the driver does not know.
struct OtherKernel : DoubleKernel {};

TEST_F(GpuLauncherTest, KernelsThatAreNotThereRunInTheEmulator) {
  GpuLauncher launcher(fake_driver([](const DoubleParams&, int) { FAIL(); }, &traffic_), {{0}}, {});
  kernel_launcher() = &launcher;
  emulate<OtherKernel>(device_, {{1, 1, 1}, 32, 0}, {in_.data(), outs_.data(), 4});
  EXPECT_EQ(launcher.launches(), 0);
  EXPECT_THAT(out_.download(), ElementsAre(2, 4, 6, 8));
}

}  // namespace
}  // namespace dermis::gpu
