#include "kernels/linear/linear.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/kernels/gradients.h"

namespace dermis {
namespace {

using testing::random_tensor;
using testing::TensorList;

TEST(linear, is_x_times_the_transposed_weight_plus_bias) {
  for (const int64_t rows : {1, 65, 257})
    testing::expect_matches_fp64(
        [](const TensorList& in) { return TensorList{dense(in[0], in[1], in[2])}; },
        [](const TensorList& in) { return TensorList{(in[0].unsqueeze(1) * in[1].unsqueeze(0)).sum(-1) + in[2]}; },
        {random_tensor({rows, 24}, 1), random_tensor({17, 24}, 2), random_tensor({17}, 3)}, 1e-5);
}

TEST(linear, takes_leading_dimensions_and_no_rows) {
  EXPECT_EQ(dense(at::zeros({3, 0, 4}), at::zeros({5, 4})).sizes(), (at::IntArrayRef{3, 0, 5}));
}

TEST(linear, names_the_operand_that_does_not_fit) {
  try {
    dense(at::zeros({3, 4}), at::zeros({5, 6}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.info().what.find("weight"), std::string::npos);
  }
  EXPECT_THROW(dense(at::zeros({3, 4}), at::zeros({5, 4}), at::zeros({4})), Error);
}

}  // namespace
}  // namespace dermis
