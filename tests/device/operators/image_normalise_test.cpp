#include "kernels/image_normalise/image_normalise_kernel.h"

#include "tests/device/operators/device_matrix.h"

namespace dermis::testing {
namespace {

template <class E>
class ImageNormalise : public ::testing::Test {};
using AllTypes = ::testing::Types<float, Bf16, Fp16>;
TYPED_TEST_SUITE(ImageNormalise, AllTypes);

TYPED_TEST(ImageNormalise, IsExactToRounding) {
  const double mean[3] = {0.5, 0.4, 0.7}, std[3] = {0.5, 0.25, 0.1};
  for (const auto& [images, side] :
       std::vector<std::pair<int64_t, int32_t>>{{0, 4}, {1, 1}, {3, 3}, {2, 16}, {1, 37}}) {
    SCOPED_TRACE(std::to_string(images) + " of " + std::to_string(side));
    Random random(3, RandomPurpose::selftest, static_cast<uint64_t>(side));
    std::vector<uint8_t> pixels(static_cast<size_t>(images * 3 * side * side));
    for (uint8_t& pixel : pixels) pixel = static_cast<uint8_t>(random.below(256));
    EmulatedDevice device;
    DeviceBuffer<uint8_t> x(device, pixels);
    DeviceMatrix<TypeParam> y(device, images * 3, side * side);
    ImageNormaliseParams p{
        .type = kTypeOf<TypeParam>, .x = x.data(), .y = y.data(), .images = images, .plane = side * side};
    for (int colour = 0; colour < 3; ++colour) {
      p.factor[colour] = static_cast<float>(1 / (255 * std[colour]));
      p.shift[colour] = static_cast<float>(-mean[colour] / std[colour]);
    }
    launch_emulated<ImageNormaliseKernel<TypeParam>>(device, elementwise_launch(image_normalise_pieces(p)), p, 1);
    std::vector<double> exact, sizes;
    for (size_t i = 0; i < pixels.size(); ++i) {
      const size_t colour = i / static_cast<size_t>(side * side) % 3;
      exact.push_back((pixels[i] / 255.0 - mean[colour]) / std[colour]);
      sizes.push_back((pixels[i] / 255.0 + mean[colour]) / std[colour]);
    }
    y.expect_all_written();
    expect_rounded<TypeParam>(y.values(), exact, 0x1p-23, sizes, "y");
  }
}

}  // namespace
}  // namespace dermis::testing
