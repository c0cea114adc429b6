#include "models/decode/generate.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "kernels/sampling/sampling.h"
#include "models/decode/kv_cache.h"

namespace dermis {
namespace {

struct Sequence {
  int64_t index;  // in the prompts, and its cache slot
  int32_t next_token;
  int32_t next_position;
};

// One token a sequence, each seeing itself and (through the cache) all before it.
Batch step_batch(const std::vector<Sequence>& active) {
  Batch batch;
  for (size_t i = 0; i < active.size(); ++i) {
    const auto row = static_cast<int32_t>(i);
    batch.tokens.push_back(active[i].next_token);
    batch.positions.push_back(active[i].next_position);
    batch.visible_lo.push_back(row);
    batch.visible_hi.push_back(row + 1);
    batch.sequence_offsets.push_back(row);
    batch.sample_ids.push_back(std::to_string(active[i].index));
  }
  batch.sequence_offsets.push_back(static_cast<int32_t>(active.size()));
  return batch;
}

int64_t longest_prompt(const Batch& prompts) {
  int64_t longest = 0;
  for (size_t b = 0; b + 1 < prompts.sequence_offsets.size(); ++b)
    longest = std::max<int64_t>(longest, prompts.sequence_offsets[b + 1] - prompts.sequence_offsets[b]);
  return longest;
}

void check_room(const Vlm& model, const Batch& prompts, const GenerateOptions& options) {
  const int64_t limit = model.config().language.max_positions;
  const int64_t longest = longest_prompt(prompts);
  if (longest + options.max_new_tokens <= limit) return;
  throw Error(ErrorKind::usage, {.what = "Prompt and answer together are longer than the model takes",
                                 .where = "max_new_tokens",
                                 .expected = fmt::format("at most {} beside a prompt of {}", limit - longest, longest),
                                 .found = fmt::format("{}", options.max_new_tokens),
                                 .fix = "ask for a shorter answer, or shorten the prompt"});
}

void need(bool holds, const char* option, const char* expected, double found) {
  if (holds) return;
  throw Error(ErrorKind::usage, {.what = "A generation option is out of range",
                                 .where = option,
                                 .expected = expected,
                                 .found = fmt::format("{}", found),
                                 .fix = "give a value in this range"});
}

void check_options(const GenerateOptions& options) {
  need(options.max_new_tokens >= 1, "max_new_tokens", "1 or more", options.max_new_tokens);
  need(options.temperature >= 0 && std::isfinite(options.temperature), "temperature", "0 (greedy) or more",
       options.temperature);
  need(options.top_k >= 0, "top_k", "0 (off) or more", options.top_k);
  need(options.top_p > 0 && options.top_p <= 1, "top_p", "above 0, at most 1 (off)", options.top_p);
}

// The draws of a step, keyed by (seed, sequence, step) alone.
std::vector<double> uniforms_of(const std::vector<Sequence>& active, uint64_t seed, int step) {
  std::vector<double> uniforms;
  for (const Sequence& sequence : active) {
    uniforms.push_back(
        Random(seed, RandomPurpose::sampling, static_cast<uint64_t>(sequence.index), static_cast<uint64_t>(step))
            .uniform());
  }
  return uniforms;
}

double finite(double value, const std::string& sample_id) {
  if (std::isfinite(value)) return value;
  throw Error(ErrorKind::data, {.what = "The model computes something that is not a number",
                                .where = "sample '" + sample_id + "'",
                                .expected = "finite logits",
                                .found = fmt::format("log probability {}", value),
                                .fix = "the weights are damaged or diverged in training: use an earlier checkpoint"});
}

}  // namespace

std::vector<Generated> generate(const Vlm& model, const Batch& prompts, const GenerateOptions& options,
                                const std::function<bool(int, int32_t)>& on_token) {
  check_options(options);
  check_room(model, prompts, options);
  const int64_t count = prompts.sequence_count();
  std::vector<Generated> results(static_cast<size_t>(count));
  if (count == 0) return results;
  KvCache cache(model.config().language, count, longest_prompt(prompts) + options.max_new_tokens, model.placement());
  std::vector<Sequence> active;
  for (int64_t b = 0; b < count; ++b)
    active.push_back({b, 0, prompts.positions[static_cast<size_t>(prompts.sequence_offsets[b + 1] - 1)] + 1});

  const SamplingOptions sampling{options.temperature, options.top_k, options.top_p};
  at::Tensor logits = model.extend(prompts, cache);
  for (int step = 0; step < options.max_new_tokens; ++step) {
    const std::vector<int32_t> tokens = sample_tokens(logits, uniforms_of(active, options.seed, step), sampling);
    const std::vector<double> log_p = log_probabilities(logits, tokens);
    std::vector<Sequence> next;
    std::vector<int64_t> slots;
    for (size_t row = 0; row < active.size(); ++row) {
      Sequence sequence = active[row];
      Generated& result = results[static_cast<size_t>(sequence.index)];
      const int32_t token = tokens[row];
      result.log_likelihood += finite(log_p[row], prompts.sample_ids[static_cast<size_t>(sequence.index)]);
      if (token == model.config().eos) {
        result.finished = true;
        continue;
      }
      result.tokens.push_back(token);
      if (on_token && !on_token(static_cast<int>(sequence.index), token)) continue;
      sequence.next_token = token;
      next.push_back(sequence);
      slots.push_back(sequence.index);
    }
    if (next.empty() || step + 1 == options.max_new_tokens) break;
    cache.use_slots(std::move(slots));
    logits = model.extend(step_batch(next), cache);
    for (Sequence& sequence : next) ++sequence.next_position;
    active = std::move(next);
  }
  return results;
}

std::vector<double> sequence_log_likelihoods(const Vlm& model, const Batch& batch, const at::Tensor& features) {
  at::NoGradGuard no_grad;
  constexpr int64_t kLogitsAtOnce = int64_t{1} << 22;  // 32 MiB of fp64
  std::vector<double> sums(static_cast<size_t>(batch.sequence_count()), 0.0);
  const at::Tensor hidden = model.hidden_at_labels(batch, features);
  const int64_t chunk = std::max<int64_t>(1, kLogitsAtOnce / model.head_weight().size(0));
  size_t sequence = 0;
  for (int64_t begin = 0; begin < hidden.size(0); begin += chunk) {
    const int64_t rows = std::min(chunk, hidden.size(0) - begin);
    const auto labels = std::span(batch.label_ids).subspan(static_cast<size_t>(begin), static_cast<size_t>(rows));
    const std::vector<double> log_p = log_probabilities(model.logits(hidden.narrow(0, begin, rows)), labels);
    for (int64_t row = 0; row < rows; ++row) {
      const auto label = static_cast<size_t>(begin + row);
      while (batch.label_rows[label] >= batch.sequence_offsets[sequence + 1]) ++sequence;
      sums[sequence] += finite(log_p[static_cast<size_t>(row)], batch.sample_ids[sequence]);
    }
  }
  return sums;
}

}  // namespace dermis
