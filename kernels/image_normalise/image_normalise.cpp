#include "kernels/image_normalise/image_normalise.h"

#include <ATen/ATen.h>

#include "kernels/cuda/cuda_kernels.h"
#include "kernels/image_normalise/image_normalise_kernel.h"
#include "kernels/operand/operand.h"

namespace dermis {
namespace {

constexpr const char* kName = "image_normalise";
constexpr float kLevels = 255;

at::Tensor per_colour(const std::array<float, 3>& values, at::Device device) {
  const at::Tensor result = at::empty({1, 3, 1, 1}, at::kFloat);
  std::copy(values.begin(), values.end(), result.mutable_data_ptr<float>());
  return result.to(device);
}

at::Tensor launch(const CudaModule& module, const at::Tensor& pixels, const std::array<float, 3>& mean,
                  const std::array<float, 3>& std, at::ScalarType type) {
  const at::Tensor y = device_empty(kName, pixels.sizes(), pixels.options().dtype(type));
  ImageNormaliseParams params{.type = element_type(y),
                              .x = pixels.const_data_ptr<uint8_t>(),
                              .y = y.mutable_data_ptr(),
                              .images = pixels.size(0),
                              .plane = static_cast<int32_t>(pixels.size(2) * pixels.size(3))};
  for (size_t colour = 0; colour < mean.size(); ++colour) {
    params.factor[colour] = 1 / (kLevels * std[colour]);
    params.shift[colour] = -mean[colour] / std[colour];
  }
  launch_kernel(module, kName, pixels, [&](void* stream) { return module.entries->image_normalise(params, stream); });
  return y;
}

// Pixels of a plane and pieces of eight are 32-bit numbers.
void check_limits(const at::Tensor& pixels) {
  constexpr int64_t kLastPixel = (int64_t{1} << 31) - kEight;
  const int64_t plane = pixels.size(2) * pixels.size(3);
  check_kernel_limit(kName, "pixels of one colour", plane, kLastPixel, pixels, "use smaller pictures");
  const ImageNormaliseParams sizes{.images = pixels.size(0), .plane = static_cast<int32_t>(plane)};
  check_kernel_limit(kName, "pieces of eight pixels", image_normalise_pieces(sizes), kMostPieces, pixels,
                     "use smaller batches");
}

}  // namespace

at::Tensor image_normalise(const at::Tensor& pixels_u8, const std::array<float, 3>& mean,
                           const std::array<float, 3>& std, at::Device device, at::ScalarType type) {
  check_operand(
      pixels_u8.defined() && pixels_u8.dim() == 4 && pixels_u8.size(1) == 3 && pixels_u8.scalar_type() == at::kByte,
      kName, "pixels", "uint8 [N, 3, S, S]", pixels_u8);
  const CudaModule* module = cuda_kernels_for(kName, device, type);
  if (module != nullptr) check_limits(pixels_u8);
  const auto wanted = [&] { return "a copy of " + describe(pixels_u8); };
  return naming_lack_of_memory(kName, wanted, device, [&] {
    const at::Tensor pixels = pixels_u8.to(device).contiguous();
    if (module != nullptr) return launch(*module, pixels, mean, std, type);
    return pixels.to(at::kFloat).div_(kLevels).sub_(per_colour(mean, device)).div_(per_colour(std, device)).to(type);
  });
}

}  // namespace dermis
