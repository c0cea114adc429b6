#include "kernels/rope/rope_kernel.h"

#include "tests/device/operators/device_matrix.h"

namespace dermis::testing {
namespace {

template <class E>
class Rope : public ::testing::Test {};
using AllTypes = ::testing::Types<float, Bf16, Fp16>;
TYPED_TEST_SUITE(Rope, AllTypes);

struct RopeCase {
  int64_t tokens;
  int32_t heads, head_size;
  int64_t gap;  // elements between tokens: the rest of a row that holds queries, keys and values
};
const std::vector<RopeCase> kCases = {{0, 2, 64, 0},   {5, 1, 2, 0},   {3, 3, 10, 1},    {4, 4, 64, 256},
                                      {3, 2, 72, 144}, {2, 8, 128, 0}, {3, 1, 256, 512}, {2, 3, 254, 5}};

std::vector<double> angles(const RopeCase& c, double (*function)(double)) {
  std::vector<double> table;
  for (int64_t t = 0; t < c.tokens; ++t) {
    for (int32_t i = 0; i < c.head_size / 2; ++i)
      table.push_back(
          static_cast<float>(function(static_cast<double>(37 * t + 1) * std::pow(1e4, -2.0 * i / c.head_size))));
  }
  return table;
}

TYPED_TEST(Rope, RotatesAndRotatesBack) {
  uint64_t seed = 0;
  for (const RopeCase& c : kCases) {
    for (const float direction : {1.0F, -1.0F}) {
      SCOPED_TRACE(std::to_string(c.tokens) + " x " + std::to_string(c.heads) + " x " + std::to_string(c.head_size));
      seed = seed % 3 + 1;
      const int32_t row = c.heads * c.head_size, half = c.head_size / 2;
      const auto x = normal_values<TypeParam>(seed, 1, c.tokens * row);
      const auto cosines = angles(c, std::cos), sines = angles(c, std::sin);
      EmulatedDevice device;
      DeviceMatrix<TypeParam> in(device, x, row, {"", 0, c.gap}), out(device, c.tokens, row);
      DeviceMatrix<float> cosine(device, cosines, half), sine(device, sines, half);
      RopeParams p{
          .type = kTypeOf<TypeParam>, .x = in.data(), .x_token_stride = row + c.gap, .x_head_stride = c.head_size};
      p.y = out.data();
      p.y_token_stride = row;
      p.y_head_stride = c.head_size;
      p.cosines = cosine.data();
      p.sines = sine.data();
      p.tokens = c.tokens;
      p.heads = c.heads;
      p.head_size = c.head_size;
      p.direction = direction;
      launch_emulated<RopeKernel<TypeParam>>(device, elementwise_launch(rope_pieces(p)), p, seed);

      std::vector<double> exact(x.size()), sizes(x.size());
      for (size_t i = 0; i < x.size(); ++i) {
        const size_t column = i % static_cast<size_t>(c.head_size), h = static_cast<size_t>(half);
        const size_t angle = i / static_cast<size_t>(row) * h + column % h;
        const bool first = column < h;
        const double other = first ? -x[i + h] : x[i - h];
        exact[i] = x[i] * cosines[angle] + other * direction * sines[angle];
        sizes[i] = std::abs(x[i]) + std::abs(other);
      }
      out.expect_all_written();
      expect_rounded<TypeParam>(out.values(), exact, 0x1p-23, sizes, "y");
      if (this->HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace dermis::testing
