#include "models/vlm.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/error.h"
#include "kernels/linear_ce/linear_ce.h"
#include "tests/models/small_model.h"

namespace dermis {
namespace {

using testing::small_config;
using testing::small_model;
using testing::SmallBatch;

at::Tensor loss_of(const Vlm& model, const Batch& batch) {
  return linear_cross_entropy(model.hidden_at_labels(batch), model.head_weight(), batch.label_ids, batch.label_weights,
                              {.divisor = batch.target_tokens()});
}

TEST(Vlm, LabelRowsAloneEqualAllRowsGathered) {
  const Vlm model = small_model();
  const Batch batch = SmallBatch(model.config()).labelled(0, 3, 5).labelled(1, 1, 2).labelled(2, 4, 1).batch();
  const at::Tensor all = model.hidden_all(batch);
  const at::Tensor rows = at::tensor(std::vector<int64_t>(batch.label_rows.begin(), batch.label_rows.end()));
  EXPECT_LE((model.hidden_at_labels(batch) - all.index_select(0, rows)).abs().max().item<double>(), 1e-5);
}

TEST(Vlm, GradientsOfLabelRowsEqualThoseOfAllRows) {
  const Vlm selected = small_model(), whole = small_model();
  const Batch batch = SmallBatch(selected.config()).labelled(0, 3, 5).labelled(1, 1, 2).batch();
  loss_of(selected, batch).backward();
  const at::Tensor rows = at::tensor(std::vector<int64_t>(batch.label_rows.begin(), batch.label_rows.end()));
  linear_cross_entropy(whole.hidden_all(batch).index_select(0, rows), whole.head_weight(), batch.label_ids,
                       batch.label_weights, {.divisor = batch.target_tokens()})
      .backward();
  const auto left = selected.parameters(), right = whole.parameters();
  for (size_t i = 0; i < left.size(); ++i) {
    ASSERT_TRUE(left[i].tensor.grad().defined()) << left[i].name;
    const double largest = right[i].tensor.grad().abs().max().item<double>();
    // A key bias has no gradient in exact arithmetic: what is left is rounding.
    const double noise = left[i].name.ends_with("k_proj.bias") ? 1e-7 : 1e-9;
    EXPECT_LE((left[i].tensor.grad() - right[i].tensor.grad()).abs().max().item<double>(), 1e-4 * largest + noise)
        << left[i].name;
  }
}

TEST(Vlm, PackingDoesNotChangeASample) {
  const Vlm model = small_model();
  const Batch packed = SmallBatch(model.config()).labelled(0, 3, 5).labelled(1, 1, 2).batch();
  const Batch alone = SmallBatch(model.config()).labelled(1, 1, 2).batch();
  const at::Tensor together = model.hidden_at_labels(packed).narrow(0, 5, 2);
  EXPECT_LE((model.hidden_at_labels(alone) - together).abs().max().item<double>(), 1e-5);
}

TEST(Vlm, SeveralSequencesMayShareOnePicture) {
  const Vlm model = small_model();
  const Batch once = SmallBatch(model.config()).labelled(0, 3, 4).batch();
  Batch twice = SmallBatch(model.config()).labelled(0, 3, 4).labelled(0, 3, 4).batch();
  const auto patches = static_cast<size_t>(model.config().vision.patches());
  for (size_t i = 0; i < patches; ++i) twice.image_rows[patches + i] = static_cast<int32_t>(i);
  twice.image_count = 1;
  twice.pixels.resize(twice.pixels.size() / 2);
  const at::Tensor hidden = model.hidden_at_labels(twice);
  EXPECT_LE((hidden.narrow(0, 0, 4) - hidden.narrow(0, 4, 4)).abs().max().item<double>(), 1e-5);
  // The picture's gradient is the sum over the sequences that look at it: twice that of one.
  const auto projector_gradient = [&](const Batch& batch) {
    const Vlm fresh = small_model();
    linear_cross_entropy(fresh.hidden_at_labels(batch), fresh.head_weight(), batch.label_ids, batch.label_weights, {})
        .backward();
    for (const Parameter& parameter : fresh.parameters()) {
      if (parameter.name == "multi_modal_projector.linear.weight") return parameter.tensor.grad().clone();
    }
    return at::Tensor();
  };
  const at::Tensor single = projector_gradient(once);
  EXPECT_LE((projector_gradient(twice) - 2 * single).abs().max().item<double>(),
            1e-4 * single.abs().max().item<double>());
}

// A picture of which only the upper left quarter of the patches is kept is a picture of that quarter, with the
// quarter's rows of the position table.
TEST(Vlm, KeptPatchesAreAPictureOfTheirOwn) {
  VlmConfig large_config = small_config();
  large_config.vision.image_size = large_config.image.size = 16;
  const Vlm large(large_config, 3), small = small_model();
  const std::vector<int32_t> quarter{0, 1, 4, 5}, kept{0, 1, 4, 5, 0, 1, 4, 5};
  const at::Tensor rows = at::tensor(std::vector<int64_t>(quarter.begin(), quarter.end()));
  at::Tensor large_positions, small_positions;
  for (const Parameter& parameter : large.parameters()) {
    for (const Parameter& twin : small.parameters()) {
      if (twin.name != parameter.name) continue;
      at::NoGradGuard no_grad;
      const bool positions = twin.name.ends_with("position_embedding.weight");
      if (positions) std::tie(large_positions, small_positions) = std::pair(parameter.tensor, twin.tensor);
      twin.tensor.copy_(positions ? parameter.tensor.index_select(0, rows) : parameter.tensor);
    }
  }
  const at::Tensor pixels = at::linspace(-1, 1, 2 * 3 * 16 * 16).cos().view({2, 3, 16, 16});
  const at::Tensor features = large.encode_images(pixels, nullptr, kept);
  const at::Tensor expected = small.encode_images(pixels.narrow(2, 0, 8).narrow(3, 0, 8).contiguous());
  ASSERT_EQ(features.sizes(), expected.sizes());
  EXPECT_LE((features - expected).abs().max().item<double>(), 1e-5);
  const at::Tensor weights = at::linspace(-2, 3, features.numel()).sin().view(features.sizes());
  (features * weights).sum().backward();
  (expected * weights).sum().backward();
  EXPECT_LE((large_positions.grad().index_select(0, rows) - small_positions.grad()).abs().max().item<double>(), 1e-4);
  EXPECT_NEAR(large_positions.grad().abs().sum().item<double>(), small_positions.grad().abs().sum().item<double>(),
              1e-2);
}

TEST(Vlm, TextAloneNeedsNoPicture) {
  const Vlm model = small_model();
  Batch batch;
  batch.tokens = {2, 10, 11, 12};
  batch.positions = {1, 2, 3, 4};
  batch.visible_lo = {0, 0, 0, 0};
  batch.visible_hi = {2, 2, 3, 4};
  batch.label_rows = {1, 2};
  batch.label_ids = {11, 12};
  batch.label_weights = {1, 1};
  batch.sequence_offsets = {0, 4};
  batch.sample_ids = {"text"};
  loss_of(model, batch).backward();
  for (const Parameter& parameter : model.parameters())
    EXPECT_EQ(parameter.tensor.grad().defined(), parameter.part == Part::language) << parameter.name;
}

TEST(Vlm, FrozenPartsGetNoGradientAndNoGraph) {
  for (const Part trained : {Part::vision, Part::projector, Part::language}) {
    Vlm model = small_model();
    for (const Part part : {Part::vision, Part::projector, Part::language}) model.set_trainable(part, part == trained);
    const Batch batch = SmallBatch(model.config()).labelled(0, 3, 5).batch();
    const at::Tensor pixels = at::rand({1, 3, 8, 8}, at::kFloat);
    EXPECT_EQ(model.encode_images(pixels).requires_grad(), trained != Part::language);
    loss_of(model, batch).backward();
    for (const Parameter& parameter : model.parameters())
      EXPECT_EQ(parameter.tensor.grad().defined(), parameter.part == trained) << parameter.name;
  }
}

TEST(Vlm, GradientsOfJoinedProjectionsAddUpOverTwoBackwards) {
  const Vlm once = small_model(), twice = small_model();
  const Batch batch = SmallBatch(once.config()).labelled(0, 3, 5).batch();
  loss_of(once, batch).backward();
  loss_of(twice, batch).backward();
  loss_of(twice, batch).backward();
  const auto left = once.parameters(), right = twice.parameters();
  for (size_t i = 0; i < left.size(); ++i) {
    EXPECT_TRUE(right[i].tensor.grad().is_contiguous()) << right[i].name;
    EXPECT_TRUE(at::allclose(2 * left[i].tensor.grad(), right[i].tensor.grad(), 1e-4, 1e-7)) << left[i].name;
  }
}

TEST(Vlm, JoinedProjectionsComputeWithTheParametersThemselves) {
  const Vlm model = small_model();
  const Batch batch = SmallBatch(model.config()).labelled(0, 3, 5).batch();
  at::NoGradGuard no_grad;
  for (const Parameter& parameter : model.parameters()) {
    const at::Tensor before = model.hidden_at_labels(batch), kept = parameter.tensor.clone();
    parameter.tensor.add_(at::randn(parameter.tensor.sizes(), at::kFloat) * 0.1);
    // Every parameter moves the result but the key bias, which softmax cancels.
    if (!parameter.name.ends_with("k_proj.bias")) {
      EXPECT_GT((model.hidden_at_labels(batch) - before).abs().max().item<double>(), 1e-7) << parameter.name;
    }
    parameter.tensor.copy_(kept);
  }
}

TEST(Vlm, InitialWeightsAreKeyedBySeedAndName) {
  const Vlm first(small_config(), 1), again(small_config(), 1), other(small_config(), 2);
  VlmConfig deeper = small_config();
  deeper.vision.layers += 1;
  const Vlm grown(deeper, 1);
  std::map<std::string, at::Tensor> by_name;
  for (const Parameter& parameter : grown.parameters()) by_name[parameter.name] = parameter.tensor;
  const auto left = first.parameters(), right = again.parameters(), third = other.parameters();
  for (size_t i = 0; i < left.size(); ++i) {
    EXPECT_TRUE(left[i].tensor.equal(right[i].tensor)) << left[i].name;
    EXPECT_TRUE(left[i].tensor.equal(by_name.at(left[i].name))) << left[i].name;
    if (left[i].name.ends_with("proj.weight")) {
      EXPECT_FALSE(left[i].tensor.equal(third[i].tensor)) << left[i].name;
    }
  }
}

// The encoder's moments were measured on transformers' own initialisation (tests/models/hf_roundtrip.py prints both
// side by side); the decoder's are 1 / sqrt(inputs).
TEST(Vlm, InitialWeightsHaveTheStatedSpread) {
  const Vlm model(preset("nano"), 1);
  const auto spread = [&](const std::string& name) {
    for (const Parameter& parameter : model.parameters()) {
      if (parameter.name == name)
        return parameter.tensor.detach().to(at::kDouble).square().mean().sqrt().item<double>();
    }
    return -1.0;
  };
  EXPECT_NEAR(spread("language_model.model.layers.1.mlp.down_proj.weight"), 1 / std::sqrt(512.0), 0.001);
  EXPECT_NEAR(spread("language_model.model.embed_tokens.weight"), 1 / std::sqrt(192.0), 0.001);
  EXPECT_NEAR(spread("multi_modal_projector.linear.weight"), 1 / std::sqrt(128.0), 0.002);
  EXPECT_EQ(spread("language_model.model.norm.weight"), 0.0);
  EXPECT_EQ(spread("vision_tower.post_layernorm.weight"), 1.0);
  EXPECT_NEAR(spread("vision_tower.encoder.layers.0.self_attn.q_proj.weight"), std::sqrt(2.0 / 256), 0.002);
  EXPECT_NEAR(spread("vision_tower.encoder.layers.0.mlp.fc1.weight"), std::sqrt(2.0 / 640), 0.002);
  // Keys and outputs resemble another tensor and still have the deviation of their own kind.
  EXPECT_NEAR(spread("vision_tower.encoder.layers.0.self_attn.k_proj.weight"), std::sqrt(2.0 / 256), 0.002);
  EXPECT_NEAR(spread("vision_tower.encoder.layers.0.self_attn.out_proj.weight"), std::sqrt(2.0 / 256), 0.002);
  EXPECT_NEAR(spread("vision_tower.embeddings.position_embedding.weight"), 0.5 / std::sqrt(2.0), 1e-4);
  EXPECT_NEAR(spread("vision_tower.embeddings.patch_embedding.weight"), 0.0821, 0.002);
}

// Mimetic initialisation: queries times keys, summed over the heads, is near a share of the identity, output times
// values near a negative one; across layers nothing is alike.
TEST(Vlm, TheEncoderBeginsByAttendingToLikePatches) {
  const Vlm model(preset("nano"), 1);
  std::map<std::string, at::Tensor> by_name;
  for (const Parameter& parameter : model.parameters()) by_name[parameter.name] = parameter.tensor.detach();
  const auto weight = [&](int layer, const std::string& name) {
    return by_name.at("vision_tower.encoder.layers." + std::to_string(layer) + ".self_attn." + name + ".weight");
  };
  const auto diagonal = [](const at::Tensor& product) { return product.diagonal().mean().item<double>(); };
  EXPECT_NEAR(diagonal(weight(1, "q_proj").t().mm(weight(1, "k_proj"))), 0.7, 0.05);
  EXPECT_NEAR(diagonal(weight(1, "out_proj").mm(weight(1, "v_proj"))), -0.5, 0.05);
  EXPECT_NEAR(diagonal(weight(1, "q_proj").t().mm(weight(2, "k_proj"))), 0.0, 0.05);
  // Each place's row is nearest to the rows of the places beside it.
  const at::Tensor positions = by_name.at("vision_tower.embeddings.position_embedding.weight");
  const at::Tensor likeness = positions.mm(positions.t());
  const auto like = [&](int64_t a, int64_t b) { return likeness[a][b].item<double>(); };
  EXPECT_GT(like(9, 10), like(9, 12));
  EXPECT_GT(like(9, 17), like(9, 33));
  EXPECT_NEAR(like(9, 10), like(9, 17), 1e-4);  // of an 8 x 8 grid: right and below
}

TEST(Vlm, BatchesOfAnotherTokenizerOrPictureAreNamed) {
  const Vlm model = small_model();
  const auto found = [&](Batch batch) {
    try {
      model.hidden_at_labels(batch);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      return error.info();
    }
    ADD_FAILURE() << "no error";
    return ErrorInfo{};
  };
  const Batch good = SmallBatch(model.config()).labelled(0, 3, 5).labelled(1, 3, 5).batch();
  Batch bad = good;
  bad.tokens.back() = 4000;
  EXPECT_EQ(found(bad).found, "4000");
  EXPECT_NE(found(bad).where.find("'s1'"), std::string::npos);
  bad = good;
  bad.image_rows.back() = 99;
  EXPECT_NE(found(bad).expected.find("[0, 8)"), std::string::npos);
  bad = good;
  bad.tokens[bad.tokens.size() - 1] = static_cast<int32_t>(model.config().image_token);
  EXPECT_EQ(found(bad).found, "8");
  bad = good;
  bad.positions.back() = 5000;
  EXPECT_NE(found(bad).expected.find("512"), std::string::npos);
  EXPECT_THROW(model.encode_images(at::zeros({1, 3, 16, 16}, at::kFloat)), Error);
}

}  // namespace
}  // namespace dermis
