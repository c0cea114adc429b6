// The attention launchers of the CUDA module for one head size, in the emulator.
#pragma once

#include "kernels/attention/device/backward_keys.h"
#include "kernels/attention/device/backward_launch.h"
#include "kernels/attention/device/backward_row_statistics.h"
#include "kernels/attention/device/backward_rows.h"
#include "kernels/attention/device/decode.h"
#include "kernels/attention/device/forward.h"
#include "kernels/attention/device/typed.h"
#include "tests/kernels/cuda/emulated_gpu.h"

namespace dermis::testing {

template <class E, int D, bool kSoftcap>
int emulated_forward(const AttentionForwardParams<void>& p) {
  return launch_in_emulator<AttentionForward<E, D, kSoftcap>>(forward_launch<D>(p.T, p.H, p.G), typed<E>(p));
}

template <class E, int D, bool kSoftcap>
int emulated_backward(const AttentionBackwardParams<void>& p) {
  const auto params = backward_kernel_params(typed<E>(p));
  using Statistics = AttentionRowStatistics<E, D>;
  using Keys = AttentionKeysGradient<E, D, kSoftcap>;
  using Rows = AttentionRowsGradient<E, D, kSoftcap>;
  launch_in_emulator<Statistics>(row_statistics_launch<Statistics>(p.T, p.H), params);
  launch_in_emulator<Keys>(keys_gradient_launch<Keys>(p.S, p.G), params);
  return launch_in_emulator<Rows>(rows_gradient_launch<Rows>(p.T, p.H, p.G), params);
}

template <class E, int D, bool kSoftcap>
int emulated_decode(const AttentionDecodeParams<void>& p) {
  return launch_in_emulator<AttentionDecode<E, D, kSoftcap>>(decode_launch<D>(p.sequences, p.G, p.splits), typed<E>(p));
}

inline constexpr int kInvalidValue = 1;  // cudaErrorInvalidValue

// bf16, one head size; kInvalidValue for anything else, as the module's launchers answer.
template <int D>
DermisCudaEntries emulated_attention_entries(DermisCudaEntries entries = fake_entries()) {
  entries.attention_forward = [](ElementType type, int head_size, const AttentionForwardParams<void>& p, void*) {
    if (type != ElementType::bf16 || head_size != D) return kInvalidValue;
    return p.softcap != 0 ? emulated_forward<Bf16, D, true>(p) : emulated_forward<Bf16, D, false>(p);
  };
  entries.attention_backward = [](ElementType type, int head_size, const AttentionBackwardParams<void>& p, void*) {
    if (type != ElementType::bf16 || head_size != D) return kInvalidValue;
    return p.softcap != 0 ? emulated_backward<Bf16, D, true>(p) : emulated_backward<Bf16, D, false>(p);
  };
  entries.attention_decode = [](ElementType type, int head_size, const AttentionDecodeParams<void>& p, void*) {
    if (type != ElementType::bf16 || head_size != D) return kInvalidValue;
    return p.softcap != 0 ? emulated_decode<Bf16, D, true>(p) : emulated_decode<Bf16, D, false>(p);
  };
  return entries;
}

}  // namespace dermis::testing
