#include "kernels/cuda/cuda_kernels.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/error.h"
#include "kernels/operand/operand.h"
#include "tests/kernels/cuda/fake_module.h"
#include "tests/support/error_of.h"

namespace dermis {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string device_error(const std::function<void()>& call) { return testing::error_of(ErrorKind::device, call); }

CudaModule module_with(const DermisCudaEntries& entries, int major, int minor) {
  return {&entries, {13000, 13000, {{"Old GPU", major, minor, 0}}}, "/place/libdermis_cuda.so"};
}

TEST(cuda_kernels, serve_fp32_and_16_bit_tensors) {
  const DermisCudaEntries entries = testing::fake_entries();
  const CudaModule module = module_with(entries, 8, 0);
  const at::Tensor bf16 = at::zeros({1}, at::kBFloat16);
  EXPECT_EQ(cuda_kernels_for("op", bf16), nullptr);
  const CpuAsGpu device(module);
  EXPECT_EQ(cuda_kernels_for("op", bf16), &module);
  EXPECT_EQ(cuda_kernels_for("op", bf16.to(at::kHalf)), &module);
  EXPECT_EQ(cuda_kernels_for("op", bf16.to(at::kFloat)), &module);
  EXPECT_EQ(cuda_kernels_for("op", bf16.to(at::kInt)), nullptr);
  EXPECT_EQ(cuda_kernels_for("op", bf16.to(at::kDouble)), nullptr);
}

TEST(cuda_kernels, a_missing_module_or_an_old_gpu_is_an_error_never_a_fallback) {
  const DermisCudaEntries entries = testing::fake_entries();
  EXPECT_THAT(device_error([] { check_gpu("attention", nullptr, "no CUDA driver", 0); }),
              AllOf(HasSubstr("attention"), HasSubstr("no CUDA driver"), HasSubstr("libtorch")));
  const CudaModule turing = module_with(entries, 7, 5), ampere = module_with(entries, 8, 6);
  EXPECT_THAT(device_error([&] { check_gpu("rope", &turing, "", 0); }),
              AllOf(HasSubstr("rope"), HasSubstr("Old GPU, compute capability 7.5"), HasSubstr("8.0 or later")));
  EXPECT_EQ(device_error([&] { check_gpu("rope", &ampere, "", 0); }), "no error");
  EXPECT_THAT(device_error([&] { check_gpu("rope", &ampere, "", 3); }), HasSubstr("cuda:3"));
}

TEST(cuda_kernels, a_refused_launch_names_operator_shapes_and_cudas_words) {
  const DermisCudaEntries entries = testing::fake_entries();
  const CudaModule module = module_with(entries, 8, 0);
  const at::Tensor x = at::zeros({1}, at::kHalf);
  const auto shapes = [] { return std::string("x [1]"); };
  launch_kernel(module, "rope", shapes, x, [](void*) { return 0; });
  EXPECT_THAT(device_error([&] { launch_kernel(module, "rope", shapes, x, [](void*) { return 1; }); }),
              AllOf(HasSubstr("rope"), HasSubstr("invalid argument (error 1) for x [1]"), HasSubstr("cpu")));
  EXPECT_THAT(device_error([&] { launch_kernel(module, "rope", x, [](void*) { return 1; }); }),
              AllOf(HasSubstr("rope"), HasSubstr("invalid argument (error 1) for " + describe(x))));
}

TEST(cuda_kernels, shapes_are_not_written_for_a_launch_that_works) {
  const DermisCudaEntries entries = testing::fake_entries();
  const CudaModule module = module_with(entries, 8, 0);
  int written = 0;
  const auto shapes = [&] { return std::to_string(++written); };
  launch_kernel(module, "rope", shapes, at::zeros({1}, at::kHalf), [](void*) { return 0; });
  EXPECT_EQ(written, 0);
}

TEST(cuda_kernels, no_memory_is_a_device_error_with_the_size) {
  const auto refuse = []() -> at::Tensor { throw c10::OutOfMemoryError(c10::SourceLocation{}, "tried 3 GiB"); };
  const auto wanted = [] { return std::string("bf16 [7, 9]"); };
  EXPECT_THAT(device_error([&] { naming_lack_of_memory("attention", wanted, at::kCPU, refuse); }),
              AllOf(HasSubstr("attention"), HasSubstr("no memory"), HasSubstr("bf16 [7, 9]"), HasSubstr("3 GiB")));
  EXPECT_EQ(device_empty("attention", {2, 3}, at::kHalf).sizes(), at::IntArrayRef({2, 3}));
}

}  // namespace
}  // namespace dermis
