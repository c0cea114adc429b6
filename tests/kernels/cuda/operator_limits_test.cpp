// What operators say when the device is full, and of sizes that their kernels cannot count. Sizes beyond the limits are
// views of one number: they are refused before anything is read.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/error.h"
#include "kernels/adamw/adamw.h"
#include "kernels/embedding/embedding.h"
#include "kernels/gated_gelu/gated_gelu.h"
#include "kernels/image_normalise/image_normalise.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/linear_ce/linear_ce.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rope/rope.h"
#include "kernels/sampling/sampling.h"
#include "tests/kernels/cuda/emulated_entries.h"
#include "tests/kernels/cuda/emulated_gpu.h"
#include "tests/kernels/cuda/scarce_memory.h"

namespace dermis {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using TensorList = std::vector<at::Tensor>;

constexpr std::array<float, 3> kMean{0.5F, 0.5F, 0.5F};
const std::vector<int32_t> kLabels{1, 0, 3};
const std::vector<float> kWeights{1, 1, 1};

// `run` on a device on which the first allocation, then the second, ... finds no memory left, until all are found.
void expect_named_lack_of_memory(const std::string& op, const std::function<void()>& run) {
  for (int allowed = 0;; ++allowed) {
    const testing::ScarceMemory memory(allowed);
    try {
      run();
      EXPECT_GT(allowed, 0) << op << " took no memory";
      return;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::device) << op;
      EXPECT_THAT(error.info().what, AllOf(StartsWith(op), HasSubstr("no memory left")));
      EXPECT_THAT(error.info().expected, StartsWith("room for "));
      EXPECT_EQ(error.info().where, "cpu") << op;
      EXPECT_THAT(error.info().fix, HasSubstr("smaller batches"));
    } catch (const c10::OutOfMemoryError&) {
      FAIL() << op << ": allocation " << allowed << " is not named";
    }
  }
}

// The same for values and for gradients along the values themselves.
void expect_named_lack_of_memory(const std::string& op, const TensorList& inputs,
                                 const std::function<at::Tensor(const TensorList&)>& run) {
  TensorList leaves;
  for (const at::Tensor& input : inputs) leaves.push_back(input.clone().requires_grad_());
  at::Tensor value;
  expect_named_lack_of_memory(op, [&] { value = run(leaves); });
  const at::Tensor direction = value.detach().clone();
  expect_named_lack_of_memory(op, [&] { torch::autograd::grad({value}, leaves, {direction}, /*retain_graph=*/true); });
}

at::Tensor bf16(at::IntArrayRef sizes) { return at::ones(sizes, at::kBFloat16); }

TEST(OperatorLimits, AFullDeviceIsNamedByEveryOperatorThatHasGradients) {
  const testing::EmulatedGpu gpu(testing::emulated_operator_entries());
  expect_named_lack_of_memory("rms_norm", {bf16({5, 16}).t(), bf16({5})},
                              [](const TensorList& in) { return rms_norm(in[0], in[1], 1e-6); });
  expect_named_lack_of_memory("rms_norm", {bf16({5, 16}), bf16({5, 16}), bf16({16})},
                              [](const TensorList& in) { return add_rms_norm(in[0], in[1], in[2], 1e-6).second; });
  expect_named_lack_of_memory("layer_norm", {bf16({5, 16}).t(), bf16({5}), bf16({5})},
                              [](const TensorList& in) { return layer_norm(in[0], in[1], in[2], 1e-6); });
  const RopeTable table = rope_table(kLabels, 16, 100);
  expect_named_lack_of_memory("rope", {bf16({3, 2, 16})}, [&](const TensorList& in) { return rope(in[0], table); });
  expect_named_lack_of_memory("gelu_tanh", {bf16({4, 9})}, [](const TensorList& in) { return gelu_tanh(in[0].t()); });
  expect_named_lack_of_memory("gated_gelu", {bf16({4, 8})}, [](const TensorList& in) { return gated_gelu(in[0].t()); });
  expect_named_lack_of_memory("gated_silu", {bf16({4, 8})}, [](const TensorList& in) { return gated_silu(in[0]); });
  expect_named_lack_of_memory("embed_tokens", {bf16({4, 8}), bf16({2, 8})}, [](const TensorList& in) {
    const std::vector<int32_t> rows{0, 2, 3}, slots{1}, features{1};
    return embed_tokens(in[0], in[1], embedding_rows(rows, kLabels, slots, features, at::kCPU), 2);
  });
}

// Its gradients are made with the loss.
TEST(OperatorLimits, AFullDeviceIsNamedByTheHead) {
  const testing::EmulatedGpu gpu(testing::emulated_operator_entries());
  const at::Tensor x = bf16({3, 8}).requires_grad_(), weight = at::ones({4, 8}).requires_grad_();
  expect_named_lack_of_memory("linear_cross_entropy",
                              [&] { linear_cross_entropy(x, weight, kLabels, kWeights, {.divisor = 3}); });
}

TEST(OperatorLimits, AFullDeviceIsNamedByOperatorsWithoutGradients) {
  const testing::EmulatedGpu gpu(testing::emulated_operator_entries());
  const at::Tensor logits = bf16({2, 9}), pixels = at::ones({1, 3, 4, 4}, at::kByte);
  const std::vector<double> uniforms{0.5, 0.25};
  const std::vector<int32_t> tokens{0, 1};
  expect_named_lack_of_memory("sample_tokens", [&] { sample_tokens(logits.t().t(), uniforms, {.temperature = 1}); });
  expect_named_lack_of_memory("image_normalise",
                              [&] { image_normalise(pixels, kMean, kMean, at::kCPU, at::kBFloat16); });
  const TensorList gradients{bf16({7})};
  expect_named_lack_of_memory("gradient_norm", [&] { gradient_norm(gradients); });
  const AdamWTensor t{bf16({7}), gradients[0], at::zeros({7}), at::zeros({7}), {}};
  expect_named_lack_of_memory("adamw_step", [&] { adamw_step(std::span(&t, 1)); });
}

Error usage_error(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage) << error.what();
    return error;
  }
  ADD_FAILURE() << "no error";
  return Error(ErrorKind::usage, {});
}

void expect_limit(const std::string& what, int64_t most, int64_t found, const std::function<void()>& run) {
  const Error error = usage_error(run);
  EXPECT_EQ(error.info().what, what);
  EXPECT_EQ(error.info().expected, "at most " + std::to_string(most)) << what;
  EXPECT_EQ(error.info().found, std::to_string(found)) << what;
  EXPECT_THAT(error.info().fix, HasSubstr("libtorch")) << what;
}

at::Tensor view_of_one(at::IntArrayRef sizes, at::ScalarType type = at::kBFloat16) {
  return at::zeros({1}, type).expand(sizes);
}
// Contiguous; never read.
at::Tensor array_of(int64_t count, at::ScalarType type) {
  static float number;
  return at::from_blob(&number, {count}, type);
}

constexpr int64_t kMost32 = (int64_t{1} << 31) - 1, k2To20 = 1 << 20, k2To30 = 1 << 30;

TEST(OperatorLimits, RowsOfNormsEndAt8192) {
  const testing::EmulatedGpu gpu(testing::emulated_operator_entries());
  const at::Tensor widest = at::ones({1, 8192});
  EXPECT_TRUE(at::allclose(rms_norm(widest, at::zeros({8192}), 0), widest));
  const at::Tensor x = view_of_one({2, 8193}), w = view_of_one({8193});
  expect_limit("rms_norm on a GPU: too many numbers a row", 8192, 8193, [&] { rms_norm(x, w, 0); });
  expect_limit("layer_norm on a GPU: too many numbers a row", 8192, 8193, [&] { add_layer_norm(x, x, w, w, 0); });
}

TEST(OperatorLimits, PiecesOfEightAreNumberedIn31Bits) {
  const testing::EmulatedGpu gpu(testing::fake_entries());
  const std::vector<int32_t> positions{0, 1};
  const RopeTable table = rope_table(positions, 16, 100);
  expect_limit("rope on a GPU: too many pieces of eight numbers", kMost32, 2 * k2To30, [&] {
    rope(view_of_one({2, k2To30, 16}), table);
  });
  expect_limit("gelu_tanh on a GPU: too many pieces of eight numbers", kMost32, 2 * k2To30, [] {
    gelu_tanh(view_of_one({2, 8 * k2To30}));
  });
  expect_limit("gated_gelu on a GPU: too many pieces of eight numbers", kMost32, 4 * k2To30, [] {
    gated_gelu(view_of_one({2 * k2To30, 18}));
  });
  expect_limit("gated_silu on a GPU: too many numbers a row", kMost32 - 7, 4 * k2To30, [] {
    gated_silu(view_of_one({1, 8 * k2To30}));
  });
  expect_limit("image_normalise on a GPU: too many pieces of eight pixels", kMost32, 6 * k2To30, [] {
    image_normalise(view_of_one({k2To30, 3, 4, 4}, at::kByte), kMean, kMean, at::kCPU, at::kBFloat16);
  });
  expect_limit("image_normalise on a GPU: too many pixels of one colour", kMost32 - 7, 2 * k2To30, [] {
    image_normalise(view_of_one({1, 3, 2, k2To30}, at::kByte), kMean, kMean, at::kCPU, at::kBFloat16);
  });
}

TEST(OperatorLimits, VocabulariesAndTheirRows) {
  const testing::EmulatedGpu gpu(testing::fake_entries());
  expect_limit("sample_tokens on a GPU: too many tokens in the vocabulary", k2To20, k2To20 + 1, [] {
    sample_tokens(view_of_one({1, k2To20 + 1}), {}, {});
  });
  const at::Tensor x = bf16({3, 1});
  expect_limit("linear_cross_entropy on a GPU: too many tokens in the vocabulary", kMost32 - 8191, 2 * k2To30, [&] {
    linear_cross_entropy(x, view_of_one({2 * k2To30, 1}), kLabels, kWeights);
  });
  const std::vector<int32_t> row{0}, nine{0, 1, 2, 3, 4, 5, 6, 7, 8};
  const EmbeddingRows one = embedding_rows(row, row, {}, {}, at::kCPU),
                      many = embedding_rows(nine, nine, {}, {}, at::kCPU);
  expect_limit("embed_tokens on a GPU: too many pieces of eight numbers", kMost32, 9 * (k2To30 / 4 - 1), [&] {
    embed_tokens(view_of_one({9, 2 * k2To30 - 8}), {}, many, 1);
  });
  const at::Tensor wide = view_of_one({1, 65535 * 256 + 1}).requires_grad_();
  expect_limit("embed_tokens on a GPU: too many numbers a row", 65535 * 256, 65535 * 256 + 1,
               [&] { embed_tokens(wide, {}, one, 1); });
}

TEST(OperatorLimits, BlocksOfTheOptimiserAreNumberedIn31Bits) {
  const testing::EmulatedGpu gpu(testing::fake_entries());
  const int64_t count = 16384 * 2 * k2To30;
  const at::Tensor numbers = array_of(count, at::kFloat);
  const AdamWTensor t{numbers, numbers, numbers, numbers, {}};
  expect_limit("adamw_step on a GPU: too many blocks of 16384 numbers", kMost32, 2 * k2To30,
               [&] { adamw_step(std::span(&t, 1)); });
  const TensorList gradients{numbers};
  expect_limit("gradient_norm on a GPU: too many blocks of 16384 numbers", kMost32, 2 * k2To30,
               [&] { gradient_norm(gradients); });
}

}  // namespace
}  // namespace dermis
