// Operators other than attention from tensors to the CUDA kernels and back, on the emulated GPU: values and gradients
// against fp64.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "kernels/adamw/adamw.h"
#include "kernels/embedding/embedding.h"
#include "kernels/gated_gelu/gated_gelu.h"
#include "kernels/image_normalise/image_normalise.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/linear_ce/linear_ce.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rope/rope.h"
#include "tests/kernels/cuda/emulated_entries.h"
#include "tests/kernels/cuda/emulated_gpu.h"

namespace dermis {
namespace {

using TensorList = std::vector<at::Tensor>;
using testing::emulated_operator_entries;

// Outputs of `run` and gradients of its inputs along fixed directions.
TensorList values_and_gradients(const TensorList& inputs, at::ScalarType type,
                                const std::function<TensorList(const TensorList&)>& run) {
  TensorList leaves;
  for (const at::Tensor& input : inputs) {
    const at::Tensor copy = input.to(type, /*non_blocking=*/false, /*copy=*/true);  // into the emulator's memory
    leaves.push_back(copy.detach().requires_grad_());
  }
  TensorList results = run(leaves), directions;
  for (const at::Tensor& result : results)
    directions.push_back(at::arange(result.numel(), at::kDouble).sin_().view(result.sizes()).to(result.scalar_type()));
  for (at::Tensor& gradient : torch::autograd::grad(results, leaves, directions)) results.push_back(gradient);
  return results;
}

// fp32 and bf16 on the emulated GPU, fp64 from LibTorch, from numbers that bf16 holds exactly.
void compare(const char* op, const TensorList& drawn, const std::function<TensorList(const TensorList&)>& run) {
  TensorList inputs;
  for (const at::Tensor& x : drawn) inputs.push_back(x.to(at::kBFloat16));
  const TensorList expected = values_and_gradients(inputs, at::kDouble, run);
  for (const auto& [type, tolerance] : {std::pair{at::kFloat, 2e-5}, std::pair{at::kBFloat16, 2e-2}}) {
    const testing::EmulatedGpu gpu(emulated_operator_entries());
    const TensorList found = values_and_gradients(inputs, type, run);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i].sizes(), expected[i].sizes()) << op << i;
      const double largest = expected[i].abs().max().item<double>();
      EXPECT_LE((found[i].to(at::kDouble) - expected[i]).abs().max().item<double>(), tolerance * largest)
          << op << ", " << c10::toString(type) << ", tensor " << i;
    }
  }
}

at::Tensor normal(at::IntArrayRef sizes) { return at::randn(sizes, at::kDouble); }

TEST(EmulatedOperators, NormsWithAndWithoutResidual) {
  at::manual_seed(1);
  for (const int64_t width : {7, 264}) {
    compare("rms_norm", {normal({5, width}), normal({5, width}), normal({width})}, [](const TensorList& in) {
      auto [sum, y] = add_rms_norm(in[0], in[1], in[2], 1e-6, 1);
      return TensorList{sum, y, rms_norm(in[0], in[2], 1e-6, 0)};
    });
    compare("layer_norm", {normal({5, width}), normal({5, width}), normal({width}), normal({width})},
            [](const TensorList& in) {
              auto [sum, y] = add_layer_norm(in[0], in[1], in[2], in[3], 1e-6);
              return TensorList{sum, y, layer_norm(in[0], in[2], in[3], 1e-6)};
            });
  }
}

TEST(EmulatedOperators, RotationOfSlicesAndActivations) {
  at::manual_seed(2);
  const std::vector<int32_t> positions{0, 3, 700};
  const RopeTable table = rope_table(positions, 16, 10000);
  compare("rope", {normal({3, 4, 16})}, [&](const TensorList& in) {
    return TensorList{rope(in[0].narrow(1, 1, 2), {table.cos_TD2.clone(), table.sin_TD2.clone()})};
  });
  compare("gelu", {normal({3, 26})}, [](const TensorList& in) { return TensorList{gelu_tanh(in[0])}; });
  compare("gated_gelu", {normal({3, 26})}, [](const TensorList& in) { return TensorList{gated_gelu(in[0])}; });
  compare("gated_silu", {normal({3, 26})}, [](const TensorList& in) { return TensorList{gated_silu(in[0])}; });
}

TEST(EmulatedOperators, CrossEntropyOfTheHead) {
  at::manual_seed(3);
  const std::vector<int32_t> labels{4, 0, 36};
  const std::vector<float> weights{1, 0.5, 2};
  for (const double softcap : {0.0, 5.0}) {
    compare("linear_ce", {normal({3, 8}), normal({37, 8})}, [&](const TensorList& in) {
      return TensorList{
          linear_cross_entropy(in[0], in[1], labels, weights, {.divisor = 3.5, .final_softcap = softcap})};
    });
  }
}

TEST(EmulatedOperators, EmbeddingGathersAWordsRowsInOrder) {
  at::manual_seed(6);
  const std::vector<int32_t> text_rows{0, 3, 4, 6}, text_ids{2, 8, 2, 2}, slots{1, 2, 5}, image_rows{1, 0, 1};
  compare("embed_tokens", {normal({9, 24}), normal({2, 24})}, [&](const TensorList& in) {
    return TensorList{
        embed_tokens(in[0], in[1], embedding_rows(text_rows, text_ids, slots, image_rows, at::kCPU), 4.5)};
  });
}

// Of rows made without autograd, too, and by the kernel: a word's rows are added in fp32 in their order.
TEST(EmulatedOperators, EmbeddingGathersForRowsMadeWithoutAutograd) {
  static int sums;
  static decltype(DermisCudaEntries::row_sums) row_sums;
  DermisCudaEntries entries = emulated_operator_entries();
  sums = 0;
  row_sums = entries.row_sums;
  entries.row_sums = [](const RowSumsParams& p, void* stream) { return ++sums, row_sums(p, stream); };
  const std::vector<int32_t> text_rows{0, 3, 4, 6}, text_ids{2, 8, 2, 2}, slots{1, 2, 5}, image_rows{1, 0, 1};
  const testing::EmulatedGpu gpu(entries);
  const at::Tensor weight = at::randn({9, 24}).to(at::kBFloat16).requires_grad_(),
                   features = at::randn({2, 24}).to(at::kBFloat16).requires_grad_();
  std::vector<TensorList> gradients;
  for (const bool with_autograd : {true, false}) {
    const EmbeddingRows rows = [&] {
      const at::AutoGradMode mode(with_autograd);
      return embedding_rows(text_rows, text_ids, slots, image_rows, at::kCPU);
    }();
    EXPECT_EQ(rows.words.targets.defined(), with_autograd);
    const at::Tensor out = embed_tokens(weight, features, rows, 4.5);
    const at::Tensor direction = at::arange(out.numel(), at::kDouble).sin_().view(out.sizes()).to(at::kBFloat16);
    gradients.push_back(torch::autograd::grad({out}, {weight, features}, {direction}));
  }
  EXPECT_EQ(sums, 4);
  for (const size_t i : {0, 1}) EXPECT_TRUE(gradients[0][i].equal(gradients[1][i])) << i;
}

TEST(EmulatedOperators, PicturesAreNormalisedAsOnTheCpu) {
  at::manual_seed(7);
  const at::Tensor pixels = at::randint(0, 256, {2, 3, 5, 5}, at::kByte);
  const std::array<float, 3> mean{0.5F, 0.4F, 0.3F}, std{0.5F, 0.25F, 0.2F};
  const at::Tensor expected = image_normalise(pixels, mean, std, at::kCPU, at::kFloat);
  for (const auto& [type, tolerance] : {std::pair{at::kFloat, 1e-6}, std::pair{at::kBFloat16, 1e-2}}) {
    const testing::EmulatedGpu gpu(emulated_operator_entries());
    const at::Tensor found = image_normalise(pixels.clone(), mean, std, at::kCPU, type);
    EXPECT_EQ(found.scalar_type(), type);
    EXPECT_LE((found.to(at::kFloat) - expected).abs().max().item<double>(), tolerance * 4);
  }
}

TEST(EmulatedOperators, AdamWAndGradientNormOverSeveralTensors) {
  at::manual_seed(4);
  const auto run = [](at::ScalarType type, TensorList& results) {
    at::manual_seed(5);
    std::vector<AdamWTensor> tensors;
    TensorList gradients;
    for (const int64_t count : {3, 20000}) {
      const auto draw = [&] { return at::randn({count}, at::kFloat).to(type); };
      tensors.push_back({draw(), draw(), draw(), draw().square(), {.lr = 1e-2, .weight_decay = 0.1, .step = 3}});
      gradients.push_back(tensors.back().gradient);
    }
    results.push_back(at::scalar_tensor(gradient_norm(gradients), at::kDouble));
    adamw_step(tensors);
    for (const AdamWTensor& t : tensors) results.insert(results.end(), {t.parameter, t.first_moment, t.second_moment});
  };
  TensorList expected, found;
  run(at::kDouble, expected);
  const testing::EmulatedGpu gpu(emulated_operator_entries());
  run(at::kFloat, found);
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_TRUE(at::allclose(found[i].to(at::kDouble), expected[i], 1e-5, 1e-6)) << i;
}

// bf16 weights take the same chance numbers on either side; only a step whose last bit differs may round apart.
TEST(EmulatedOperators, Bf16WeightsAreSteppedAsOnTheCpu) {
  const auto run = [] {
    at::manual_seed(6);
    std::vector<AdamWTensor> tensors;
    for (const int64_t count : {3, 20000}) {
      tensors.push_back({at::randn({count}).to(at::kBFloat16),
                         at::randn({count}).to(at::kBFloat16),
                         at::randn({count}),
                         at::randn({count}).square(),
                         {.lr = 1e-2, .weight_decay = 0.1, .step = 3},
                         random_stream(1, RandomPurpose::rounding, 3, static_cast<uint64_t>(count))});
    }
    adamw_step(tensors);
    return tensors;
  };
  const std::vector<AdamWTensor> expected = run();
  const testing::EmulatedGpu gpu(emulated_operator_entries());
  const std::vector<AdamWTensor> found = run();
  for (size_t i = 0; i < found.size(); ++i) {
    const at::Tensor a = found[i].parameter.to(at::kFloat), b = expected[i].parameter.to(at::kFloat);
    EXPECT_LE((a != b).sum().item<int64_t>(), a.numel() / 1000);
    EXPECT_TRUE(at::allclose(a, b, 0x1p-7, 1e-6));
    EXPECT_TRUE(at::allclose(found[i].first_moment, expected[i].first_moment, 1e-5, 1e-6));
  }
}

TEST(EmulatedOperators, MasterCopiesAreSteppedAndTheirRoundingIsTheWeight) {
  const auto run = [] {
    at::manual_seed(8);
    std::vector<AdamWTensor> tensors;
    for (const int64_t count : {5, 20000}) {
      const at::Tensor master = at::randn({count});
      tensors.push_back({master.to(at::kBFloat16), at::randn({count}).to(at::kBFloat16), at::randn({count}),
                         at::randn({count}).square(), AdamWSettings{.lr = 1e-2, .weight_decay = 0.1, .step = 3},
                         std::nullopt, master});
    }
    adamw_step(tensors);
    return tensors;
  };
  const std::vector<AdamWTensor> expected = run();
  const testing::EmulatedGpu gpu(emulated_operator_entries());
  const std::vector<AdamWTensor> found = run();
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_TRUE(at::allclose(found[i].master, expected[i].master, 1e-5, 1e-6)) << i;
    EXPECT_TRUE(found[i].parameter.equal(found[i].master.to(at::kBFloat16))) << i;
  }
}

}  // namespace
}  // namespace dermis
