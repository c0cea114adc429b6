#pragma once

#include <functional>

#include "benchmarks/operators/operator_case.h"
#include "kernels/adamw/adamw.h"

namespace dermis {

struct OptimizerState {
  Tensors parameters, gradients, first, second, masters;  // masters: none, or fp32 copies that are what is updated
  Tensors results() const;                                // all that a step writes
};

using OptimizerStep = std::function<void()>;
// Launches the AdamW kernel with master copies, which no operator passes.
OptimizerStep master_step(const CudaModule& module, const OptimizerState& state, const AdamWSettings& settings);

}  // namespace dermis
