// AdamW on the GPU: launcher for kernels/cuda/entries.cu.
#pragma once

#include <cuda_runtime.h>
#include <stdint.h>

#include "kernels/adamw/adamw_blocks.h"

namespace dermis {

int launch_adamw(float* parameter, const float* gradient, float* first, float* second, int64_t count,
                 const AdamWFactors* factors, void* stream);

}  // namespace dermis
