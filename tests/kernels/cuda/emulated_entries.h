// What the module's .cu files launch, in the emulator: every operator but attention, whose kernels are a header of
// their own (tests/kernels/attention/emulated_attention.h) as each head size compiles for seconds.
#pragma once

#include "kernels/cuda/cuda_entries.h"

namespace dermis::testing {

DermisCudaEntries emulated_operator_entries();

}  // namespace dermis::testing
