#include "models/decode/generate.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/error.h"
#include "models/decode/kv_cache.h"
#include "tests/models/small_model.h"

namespace dermis {
namespace {

using testing::small_model;
using testing::SmallBatch;

TEST(Generate, SameSequenceAloneAndPacked) {
  const Vlm model = small_model();
  const Batch packed = SmallBatch(model.config()).prompt(0, 3).prompt(1, 9).prompt(2, 1).batch();
  KvCache cache(model.config().language, 3, 4);
  const at::Tensor logits = model.extend(packed, cache);
  GenerateOptions options;
  options.max_new_tokens = 12;
  const std::vector<Generated> together = generate(model, packed, options);
  for (int s = 0; s < 3; ++s) {
    const int lengths[] = {3, 9, 1};
    const Batch alone = SmallBatch(model.config()).prompt(s, lengths[s]).batch();
    KvCache own(model.config().language, 1, 64);
    EXPECT_LE((model.extend(alone, own)[0] - logits[s]).abs().max().item<double>(), 1e-5);
    const Generated single = generate(model, alone, options)[0];
    EXPECT_EQ(single.tokens, together[s].tokens);
    EXPECT_NEAR(single.log_likelihood, together[s].log_likelihood, 1e-4);
  }
}

TEST(Generate, CachedStepsEqualTheWholeSequenceAtOnce) {
  at::NoGradGuard no_grad;
  const Vlm model = small_model();
  const Batch whole = SmallBatch(model.config()).labelled(0, 4, 6).batch();
  const at::Tensor expected = model.logits(model.hidden_at_labels(whole));
  KvCache cache(model.config().language, 1, 1);  // grows on the way
  const auto prefix = static_cast<int64_t>(model.config().vision.patches()) + 4;
  at::Tensor logits = model.extend(SmallBatch(model.config()).prompt(0, 4).batch(), cache);
  for (int64_t step = 0; step < 6; ++step) {
    EXPECT_LE((logits[0] - expected[step]).abs().max().item<double>(), 1e-5) << step;
    EXPECT_EQ(cache.length(0), prefix + step);
    Batch next;
    next.tokens = {whole.tokens[static_cast<size_t>(prefix + step)]};
    next.positions = {whole.positions[static_cast<size_t>(prefix + step)]};
    next.visible_lo = {0};
    next.visible_hi = {1};
    next.sequence_offsets = {0, 1};
    next.sample_ids = {"next"};
    logits = model.extend(next, cache);
  }
}

TEST(Generate, LikelihoodIsThatOfTheTokens) {
  at::NoGradGuard no_grad;
  const Vlm model = small_model();
  const Batch batch = SmallBatch(model.config()).labelled(0, 4, 6).labelled(1, 2, 3).batch();
  const std::vector<double> found = sequence_log_likelihoods(model, batch);
  ASSERT_EQ(found.size(), 2u);
  const at::Tensor log_p = at::log_softmax(model.logits(model.hidden_at_labels(batch)).to(at::kDouble), -1);
  double first = 0, second = 0;
  for (int64_t l = 0; l < 9; ++l)
    (l < 6 ? first : second) += log_p[l][batch.label_ids[static_cast<size_t>(l)]].item<double>();
  EXPECT_NEAR(found[0], first, 1e-6);
  EXPECT_NEAR(found[1], second, 1e-6);
}

TEST(Generate, GreedyTokensHaveTheLikelihoodOfTheirSequence) {
  const Vlm model = small_model();
  GenerateOptions options;
  options.max_new_tokens = 5;
  const Batch prompt = SmallBatch(model.config()).prompt(0, 4).batch();
  const Generated found = generate(model, prompt, options)[0];
  ASSERT_FALSE(found.finished);
  const Batch answered = SmallBatch(model.config()).answered(0, 4, found.tokens).batch();
  EXPECT_NEAR(found.log_likelihood, sequence_log_likelihoods(model, answered)[0], 1e-4);
}

TEST(Generate, CallbackSeesEveryTokenAndCanStop) {
  const Vlm model = small_model();
  GenerateOptions options;
  options.max_new_tokens = 6;
  std::vector<int32_t> seen;
  const Batch prompts = SmallBatch(model.config()).prompt(0, 4).prompt(1, 2).batch();
  const std::vector<Generated> found = generate(model, prompts, options, [&](int sequence, int32_t token) {
    if (sequence == 0) seen.push_back(token);
    return sequence == 0 || false;
  });
  EXPECT_EQ(seen, found[0].tokens);
  EXPECT_EQ(found[1].tokens.size(), 1u);
  EXPECT_FALSE(found[1].finished);
}

TEST(Generate, SampledTokensDependOnSeedAlone) {
  const Vlm model = small_model();
  GenerateOptions options;
  options.max_new_tokens = 8;
  options.temperature = 1.0;
  options.seed = 5;
  const Batch prompts = SmallBatch(model.config()).prompt(0, 4).prompt(1, 2).batch();
  const auto first = generate(model, prompts, options), again = generate(model, prompts, options);
  EXPECT_EQ(first[0].tokens, again[0].tokens);
  EXPECT_EQ(first[1].tokens, again[1].tokens);
  options.seed = 6;
  EXPECT_NE(generate(model, prompts, options)[0].tokens, first[0].tokens);
}

TEST(Generate, DamagedWeightsAreNamed) {
  const Vlm model = small_model();
  at::NoGradGuard no_grad;
  model.parameters().back().tensor.fill_(std::numeric_limits<float>::quiet_NaN());
  const Batch prompt = SmallBatch(model.config()).prompt(0, 4).batch();
  EXPECT_THROW(generate(model, prompt, {}), Error);
  EXPECT_THROW(sequence_log_likelihoods(model, SmallBatch(model.config()).labelled(0, 4, 2).batch()), Error);
}

TEST(Generate, OptionsOutOfRangeAreNamed) {
  const Vlm model = small_model();
  const Batch prompt = SmallBatch(model.config()).prompt(0, 4).batch();
  for (const auto& [options, field] : {std::pair<GenerateOptions, std::string>{{.max_new_tokens = 0}, "max_new_tokens"},
                                       {{.temperature = -1}, "temperature"},
                                       {{.top_k = -1}, "top_k"},
                                       {{.top_p = 0}, "top_p"},
                                       {{.max_new_tokens = 100000}, "max_new_tokens"}}) {
    try {
      generate(model, prompt, options);
      ADD_FAILURE() << field;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_EQ(error.info().where, field);
    }
  }
}

}  // namespace
}  // namespace dermis
