// Against Hugging Face transformers: tolerances as the parity folder's README states them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/linear_ce/linear_ce.h"
#include "models/decode/generate.h"
#include "models/vlm.h"
#include "models/weights/hf_folder.h"
#include "tests/models/parity_case.h"

namespace dermis {
namespace {

using testing::largest_difference;
using testing::ParityFile;

constexpr double kHiddenTolerance = 1e-4, kLossTolerance = 1e-5, kGradientTolerance = 1e-3;

class PaligemmaParity : public ::testing::Test {
 protected:
  void SetUp() override {
    DERMIS_NEED(testing::parity_folder());
    cases_ = testing::gemma_cases();
    ASSERT_FALSE(cases_.empty());
  }

  void for_each_case(const std::function<void(const Vlm&, const ParityFile&, const ParityFile&)>& check) {
    for (const auto& folder : cases_) {
      SCOPED_TRACE(folder.string());
      const Vlm model = load_model(folder.string());
      check(model, ParityFile(folder / "inputs.safetensors"), ParityFile(folder / "expected.safetensors"));
    }
  }

  std::vector<std::filesystem::path> cases_;
};

at::Tensor loss_of(const Vlm& model, const Batch& batch, const at::Tensor& hidden) {
  return linear_cross_entropy(hidden, model.head_weight(), batch.label_ids, batch.label_weights,
                              {.divisor = batch.target_tokens()});
}

TEST_F(PaligemmaParity, EveryIntermediateOfOneSample) {
  for_each_case([](const Vlm& model, const ParityFile& inputs, const ParityFile& expected) {
    at::NoGradGuard no_grad;
    const Batch batch = testing::pack_case(inputs, "batch1", model.config(), {0});
    Trace trace;
    const at::Tensor features = model.encode_images(inputs["batch1.pixel_values"], &trace);
    const at::Tensor hidden = model.hidden_all(batch, features, &trace);
    const auto same = [&](const at::Tensor& found, const std::string& name) {
      EXPECT_LE(largest_difference(found, expected["batch1." + name]), kHiddenTolerance) << name;
    };
    same(trace.vision_embeddings, "vision.embeddings");
    ASSERT_EQ(static_cast<int64_t>(trace.vision_hidden.size()), model.config().vision.layers);
    for (size_t i = 0; i < trace.vision_hidden.size(); ++i)
      same(trace.vision_hidden[i], "vision.hidden." + std::to_string(i));
    same(trace.vision_output, "vision.output");
    same(trace.image_features, "image_features");
    same(trace.inputs_embeds, "inputs_embeds");
    ASSERT_EQ(static_cast<int64_t>(trace.hidden.size()), model.config().language.layers);
    for (size_t i = 0; i < trace.hidden.size(); ++i) same(trace.hidden[i], "hidden." + std::to_string(i));
    same(hidden, "final_norm");
    same(model.logits(hidden), "logits");
    const double loss = loss_of(model, batch, model.hidden_at_labels(batch, features)).item<double>();
    EXPECT_NEAR(loss, expected["batch1.loss"].item<double>(), kLossTolerance);
  });
}

TEST_F(PaligemmaParity, PackedSamplesEqualPaddedOnes) {
  for_each_case([](const Vlm& model, const ParityFile& inputs, const ParityFile& expected) {
    at::NoGradGuard no_grad;
    const at::Tensor features = model.encode_images(inputs["batch2.pixel_values"]);
    EXPECT_LE(largest_difference(features, expected["batch2.image_features"]), kHiddenTolerance);
    const std::vector<int64_t> both{0, 1};
    const Batch left = testing::pack_case(inputs, "batch2", model.config(), both);
    const at::Tensor logits = model.logits(model.hidden_all(left, features));
    EXPECT_LE(largest_difference(logits, testing::packed_rows(expected["batch2.logits"], inputs, "batch2", both)),
              kHiddenTolerance);

    const Batch right = testing::pack_case(inputs, "batch2_right", model.config(), both);
    const at::Tensor hidden = model.hidden_at_labels(right, features);
    EXPECT_LE(largest_difference(model.logits(hidden), expected["batch2_right.logits_at_labels"]), kHiddenTolerance);
    EXPECT_NEAR(loss_of(model, right, hidden).item<double>(), expected["batch2_right.loss"].item<double>(),
                kLossTolerance);
  });
}

// Goldens hold small gradients whole, of large ones 512 entries at floor(k * count / 512), and (L2 norm, sum) of all.
// `noise`: what rounding alone makes of a gradient that is zero in exact arithmetic (a key bias: softmax cancels it).
void check_gradient(const Parameter& parameter, const ParityFile& expected, double noise) {
  ASSERT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
  const at::Tensor gradient = parameter.tensor.grad().reshape({-1});
  const at::Tensor norm_and_sum = expected["batch2.grad_norm." + parameter.name];
  const double norm = norm_and_sum[0].item<double>();
  const double root = std::sqrt(static_cast<double>(gradient.numel()));
  EXPECT_NEAR(gradient.to(at::kDouble).norm().item<double>(), norm, kGradientTolerance * norm + noise * root)
      << parameter.name;
  // The sum of n entries, each off by up to 1e-3 of the largest, moves with their number; the norm bounds it.
  EXPECT_NEAR(gradient.to(at::kDouble).sum().item<double>(), norm_and_sum[1].item<double>(),
              (kGradientTolerance * norm + noise * root) * root)
      << parameter.name;
  at::Tensor found = gradient, wanted;
  if (expected.has("batch2.grad." + parameter.name)) {
    wanted = expected["batch2.grad." + parameter.name];
  } else {
    wanted = expected["batch2.grad_sample." + parameter.name];
    found = gradient.index_select(
        0, at::floor_divide(at::arange(wanted.numel(), at::kLong) * gradient.numel(), wanted.numel()).to(at::kLong));
  }
  EXPECT_LE(largest_difference(found, wanted), kGradientTolerance * wanted.abs().max().item<double>() + noise)
      << parameter.name;
}

TEST_F(PaligemmaParity, EveryGradient) {
  for_each_case([](const Vlm& model, const ParityFile& inputs, const ParityFile& expected) {
    const Batch batch = testing::pack_case(inputs, "batch2", model.config(), {0, 1});
    const at::Tensor features = model.encode_images(inputs["batch2.pixel_values"]);
    const at::Tensor loss = loss_of(model, batch, model.hidden_at_labels(batch, features));
    EXPECT_NEAR(loss.item<double>(), expected["batch2.loss"].item<double>(), kLossTolerance);
    loss.backward();
    double largest = 0;
    for (const Parameter& parameter : model.parameters())
      largest = std::max(largest, parameter.tensor.grad().abs().max().item<double>());
    for (const Parameter& parameter : model.parameters()) check_gradient(parameter, expected, 1e-6 * largest);
  });
}

// transformers was made to go on after end-of-sequence; dermis stops there. Tokens after a near-tie are not comparable.
void check_greedy(const Generated& found, const at::Tensor& ids, const at::Tensor& margins, int32_t eos) {
  constexpr double kClearMargin = 1e-3;
  for (int64_t step = 0; step < ids.numel(); ++step) {
    if (margins[step].item<double>() <= kClearMargin) return;
    const auto wanted = ids[step].item<int64_t>();
    if (wanted == eos) {
      EXPECT_TRUE(found.finished);
      EXPECT_EQ(static_cast<int64_t>(found.tokens.size()), step);
      return;
    }
    ASSERT_LT(step, static_cast<int64_t>(found.tokens.size()));
    EXPECT_EQ(found.tokens[static_cast<size_t>(step)], wanted) << "step " << step;
  }
}

TEST_F(PaligemmaParity, GreedyTokensAloneAndPacked) {
  for_each_case([](const Vlm& model, const ParityFile& inputs, const ParityFile& expected) {
    at::NoGradGuard no_grad;
    GenerateOptions options;
    options.max_new_tokens = static_cast<int>(expected["greedy1.new_ids"].size(1));
    for (const auto& [prompt, golden, samples] :
         {std::tuple<const char*, const char*, std::vector<int64_t>>{"prompt1", "greedy1", {0}},
          {"prompt2", "greedy2", {0, 1}}}) {
      SCOPED_TRACE(prompt);
      Batch batch = testing::pack_case(inputs, prompt, model.config(), samples);
      // generate() encodes the batch's pixels itself; the goldens give normalised ones, which map back exactly.
      const at::Tensor pixels = inputs["batch2.pixel_values"].narrow(0, 0, static_cast<int64_t>(samples.size()));
      const at::Tensor bytes = ((pixels * 0.5 + 0.5) * 255).round().to(at::kByte).contiguous();
      batch.pixels.assign(bytes.data_ptr<uint8_t>(), bytes.data_ptr<uint8_t>() + bytes.numel());
      batch.image_count = static_cast<int32_t>(samples.size());
      batch.image_size = static_cast<int32_t>(model.config().vision.image_size);
      const std::vector<Generated> found = generate(model, batch, options);
      ASSERT_EQ(found.size(), samples.size());
      const std::string name(golden);
      for (size_t b = 0; b < found.size(); ++b)
        check_greedy(found[b], expected[name + ".new_ids"][static_cast<int64_t>(b)],
                     expected[name + ".margin"][static_cast<int64_t>(b)], model.config().eos);
    }
  });
}

TEST_F(PaligemmaParity, NormalisedPixelsEqualTheProcessors) {
  for_each_case([](const Vlm& model, const ParityFile& inputs, const ParityFile&) {
    const at::Tensor pixels = inputs["batch2.pixel_values"];
    const at::Tensor bytes = ((pixels * 0.5 + 0.5) * 255).round().to(at::kByte);
    EXPECT_LE(largest_difference(model.normalize(bytes), pixels), 1e-6);
  });
}

TEST_F(PaligemmaParity, SparseHubConfigDescribesTheSameModel) {
  for (const auto& folder : cases_) {
    SCOPED_TRACE(folder.string());
    const testing::TempFolder copy;
    for (const char* file : {"model.safetensors", "preprocessor_config.json"})
      std::filesystem::copy_file(folder / file, copy / file);
    std::filesystem::copy_file(folder / "config_hub_style.json", copy / "config.json");
    const ParityFile inputs(folder / "inputs.safetensors"), expected(folder / "expected.safetensors");
    at::NoGradGuard no_grad;
    const Vlm model = load_model(copy.path().string());
    const Batch batch = testing::pack_case(inputs, "batch1", model.config(), {0});
    const at::Tensor features = model.encode_images(inputs["batch1.pixel_values"]);
    EXPECT_LE(largest_difference(model.logits(model.hidden_all(batch, features)), expected["batch1.logits"]),
              kHiddenTolerance);
  }
}

}  // namespace
}  // namespace dermis
