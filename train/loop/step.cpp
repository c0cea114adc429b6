#include "train/loop/step.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "train/objective.h"

namespace dermis {
namespace {

std::vector<std::string> all_ids(const std::vector<Batch>& batches) {
  std::vector<std::string> ids;
  for (const Batch& batch : batches) ids.insert(ids.end(), batch.sample_ids.begin(), batch.sample_ids.end());
  return ids;
}

}  // namespace

StepResult train_step(const StepContext& context, const std::vector<Batch>& micro_batches, int64_t step, double lr) {
  StepResult result;
  for (const Batch& batch : micro_batches) {
    result.target_tokens += batch.target_tokens();
    result.tokens += batch.token_count();
    result.sequences += batch.sequence_count();
    result.images += batch.image_count;
  }
  if (!(result.target_tokens > 0)) {
    throw Error(ErrorKind::data,
                {.what = "a step without anything to learn: no answer tokens with weight above 0",
                 .where = fmt::format("step {}, samples {}", step, fmt::join(all_ids(micro_batches), ", ")),
                 .fix = "run dermis data check on the shards; look for empty answers and zero weights"});
  }
  for (const Batch& batch : micro_batches) {
    if (batch.label_rows.empty()) continue;
    const at::Tensor loss = batch_loss(context.model, batch, result.target_tokens);
    loss.backward();
    result.loss += loss.item<double>();
  }
  result.gradient_norm = context.optimizer.gradient_norm();
  if (context.guard != nullptr) {
    try {
      context.guard->check(step, result.loss, result.gradient_norm, all_ids(micro_batches));
    } catch (...) {
      context.optimizer.release_gradients();
      throw;
    }
  }
  const bool clip = context.clip_norm > 0 && result.gradient_norm > context.clip_norm;
  context.optimizer.step(lr, clip ? context.clip_norm / result.gradient_norm : 1.0);
  if (context.average != nullptr) context.average->update();
  return result;
}

}  // namespace dermis
