// A step's settings as the kernels take them.
#pragma once

#include "kernels/adamw/adamw.h"
#include "kernels/adamw/adamw_blocks.h"

namespace dermis {

AdamWFactors adamw_factors(const AdamWSettings& settings);

}  // namespace dermis
