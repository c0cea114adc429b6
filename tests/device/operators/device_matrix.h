// Matrices in emulated global memory as operators meet them: contiguous, slices of something wider, beginning anywhere.
// Whatever is not an element is NaN, so that a kernel that reads it shows, and must stay unwritten.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/random.h"
#include "kernels/machine/matrix.h"
#include "tests/emulator/emulate.h"

namespace dermis::testing {

struct MatrixLayout {
  const char* name = "contiguous";
  int64_t before = 0, gap = 0;  // elements before the first row, and between rows
};
// Rows at multiples of 16 bytes (where the width is), slices at multiples of 16 bytes, rows that begin anywhere.
inline const std::vector<MatrixLayout> kMatrixLayouts = {{}, {"sliced", 8, 16}, {"unaligned", 3, 1}};

template <class E>
class DeviceMatrix {
 public:
  // Unwritten.
  DeviceMatrix(EmulatedDevice& device, int64_t rows, int64_t width, MatrixLayout layout = {})
      : rows_(rows),
        width_(width),
        stride_(width + layout.gap),
        before_(layout.before),
        buffer_(device, static_cast<size_t>(before_ + rows * stride_)) {}
  // Rounded values [rows, width].
  DeviceMatrix(EmulatedDevice& device, const std::vector<double>& values, int64_t width, MatrixLayout layout = {})
      : DeviceMatrix(device, width == 0 ? 0 : static_cast<int64_t>(values.size()) / width, width, layout) {
    std::vector<double> storage(buffer_.size(), std::nan(""));
    for (int64_t i = 0; i < rows_ * width_; ++i) storage[place(i)] = values[static_cast<size_t>(i)];
    buffer_.upload_values(storage);
  }

  E* data() { return buffer_.data() + before_; }
  InputRows input() { return {data(), stride_}; }
  OutputRows output() { return {data(), stride_}; }

  std::vector<double> values() const {
    const std::vector<double> storage = buffer_.values();
    std::vector<double> values;
    for (int64_t i = 0; i < rows_ * width_; ++i) values.push_back(storage[place(i)]);
    return values;
  }
  std::vector<E> bits() const {
    const std::vector<E> storage = buffer_.download();
    std::vector<E> elements;
    for (int64_t i = 0; i < rows_ * width_; ++i) elements.push_back(storage[place(i)]);
    return elements;
  }
  // Of a matrix that began unwritten: every element was written and nothing else.
  void expect_all_written() const {
    EXPECT_EQ(buffer_.unwritten(), buffer_.size() - static_cast<size_t>(rows_ * width_));
    for (const double value : values()) EXPECT_FALSE(std::isnan(value));
  }

 private:
  size_t place(int64_t i) const { return static_cast<size_t>(before_ + i / width_ * stride_ + i % width_); }

  int64_t rows_, width_, stride_, before_;
  DeviceBuffer<E> buffer_;
};

// A launch without blocks does nothing, as with launch_on_gpu.
template <class K>
void launch_emulated(EmulatedDevice& device, const Launch& launch, const typename K::Params& params, uint64_t seed,
                     int resident_blocks = 1) {
  if (launch.blocks[0] == 0 || launch.blocks[1] == 0) return;
  emulate<K>(device, launch, params, {.seed = seed, .resident_blocks = resident_blocks});
}

template <class E>
constexpr ElementType kTypeOf = std::is_same_v<E, float>  ? ElementType::fp32
                                : std::is_same_v<E, Bf16> ? ElementType::bf16
                                                          : ElementType::fp16;
// Half the distance between neighbouring numbers at 1.
template <class E>
constexpr double kRoundingUnit = std::is_same_v<E, float>  ? 0x1p-24
                                 : std::is_same_v<E, Bf16> ? 0x1p-8
                                                           : 0x1p-11;

// Normal numbers that E holds.
template <class E>
std::vector<double> normal_values(uint64_t seed, uint64_t stream, int64_t count, double scale = 1, double mean = 0) {
  Random random(seed, RandomPurpose::selftest, stream);
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(as_double(from_double<E>(mean + scale * random.normal())));
  return values;
}

// |got - exact| at most one rounding to E, and `fp32` times the magnitude of what was summed for it.
template <class E>
void expect_rounded(const std::vector<double>& got, const std::vector<double>& exact, double fp32,
                    const std::vector<double>& magnitudes, const std::string& what) {
  ASSERT_EQ(got.size(), exact.size()) << what;
  // Half the smallest fp16; what a flushed subnormal fp32 number may have been multiplied by.
  constexpr double kSubnormal = std::is_same_v<E, Fp16> ? 0x1p-25 : 0x1p-120;
  for (size_t i = 0; i < got.size(); ++i) {
    const double room =
        kRoundingUnit<E> * std::abs(exact[i]) * (1 + 0x1p-10) + kSubnormal + fp32 * std::abs(magnitudes[i]);
    ASSERT_LE(std::abs(got[i] - exact[i]), room)
        << what << ": element " << i << " is " << got[i] << ", exactly " << exact[i];
  }
}

}  // namespace dermis::testing
