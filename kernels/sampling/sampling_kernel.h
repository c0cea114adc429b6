// Body of the sampler: a block a row.
#pragma once

#include "kernels/sampling/row_sampler.h"

namespace dermis {

template <class E>
struct SamplingKernel {
  using Params = SamplingParams;
  static constexpr int kThreads = RowSamplerLayout::kThreads, kBlocksPerSm = 1;
  static constexpr uint32_t kSharedBytes = RowSamplerLayout::kSharedBytes;

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const RowSampler<E, M> sampler(m, Rows<const E>(p.logits, p.vocabulary).row(m.block(0)), p.temperature);
    const uint32_t token = p.temperature > 0
                               ? sampler.draw(static_cast<uint32_t>(p.top_k), p.top_p, m.load(p.uniforms + m.block(0)))
                               : sampler.greedy();
    if (m.thread() == 0) m.store(p.tokens + m.block(0), static_cast<int32_t>(token));
  }
};

inline Launch sampling_launch(const SamplingParams& p) {
  using Kernel = SamplingKernel<float>;
  return {.blocks = {static_cast<uint32_t>(p.rows), 1, 1},
          .threads = Kernel::kThreads,
          .shared_bytes = Kernel::kSharedBytes};
}

}  // namespace dermis
