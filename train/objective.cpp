#include "train/objective.h"

#include "kernels/linear_ce/linear_ce.h"

namespace dermis {

at::Tensor batch_loss(const Vlm& model, const Batch& batch, double divisor) {
  const at::Tensor hidden_LC = model.hidden_at_labels(batch);
  return linear_cross_entropy(hidden_LC, model.head_weight(), batch.label_ids, batch.label_weights,
                              {.divisor = divisor});
}

}  // namespace dermis
