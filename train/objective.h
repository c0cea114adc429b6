// What training minimises: the mean negative log-likelihood of the answers' tokens.
#pragma once

#include <ATen/core/Tensor.h>

#include "core/contract.h"
#include "models/vlm.h"

namespace dermis {

// sum of weight * -log p(label) over the batch's label rows, divided by `divisor`: the number of target tokens of the
// whole optimizer step, over all its micro-batches, so that splitting a batch does not change the loss. Differentiable
// scalar. Only the label rows meet the head; [T, vocabulary] never exists.
at::Tensor batch_loss(const Vlm& model, const Batch& batch, double divisor);

}  // namespace dermis
