#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "kernels/attention/attention_cpu.h"
#include "kernels/attention/attention_threads.h"
#include "kernels/attention/attention_work.h"
#include "kernels/simd/cpu_features.h"

namespace dermis {

const AttentionKernels* attention_kernels() { return choose_kernels(kAttentionAvx2, kAttentionAvx512); }

AttentionForwardResult attention_cpu_forward(const AttentionKernels& kernels, const at::Tensor& q_THD,
                                             const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                                             const VisibleKeys& visible, const AttentionOptions& options) {
  const AttentionProblem problem(kernels, q_THD, k_SGD, visible, options);
  const at::TensorOptions floats = at::TensorOptions().dtype(at::kFloat);
  AttentionForwardResult result{at::empty(q_THD.sizes(), floats), at::empty({2, problem.H, problem.T}, floats)};
  const std::shared_ptr<const AttentionSegments> cut = segments_of(visible);
  zero_rows(result.o_THD, cut->blind_rows);
  for (const IndexRange& rows : cut->blind_rows) {
    result.statistics_2HT[0].narrow(1, rows.begin, rows.size()).fill_(-std::numeric_limits<float>::infinity());
    result.statistics_2HT[1].narrow(1, rows.begin, rows.size()).zero_();
  }
  const KeyPacker packer(problem, k_SGD, v_SGD, KeyPacker::Pass::forward);
  const AttentionWorks works = attention_works(problem, cut->segments, packer, [&](const AttentionSegment& segment) {
    return equal_runs(segment.rows, problem.block_tokens);
  });
  for_tasks(static_cast<int64_t>(works.works.size()), [&](int64_t i) {
    const AttentionWork& work = works.works[static_cast<size_t>(i)];
    AttentionForwardTask task{problem.heads,
                              problem.queries(q_THD, work.rows, *work.segment, work.g),
                              nullptr,
                              nullptr,
                              problem.rows(result.o_THD, work.rows.begin, work.g),
                              problem.statistics(result.statistics_2HT, work.rows.begin, work.g)};
    const int64_t own_keys = work.packed < 0 ? packer.floats(*work.segment) : 0;
    float* scratch = thread_scratch().floats(kernels.forward_scratch(task) + own_keys);
    const KeyPanels keys = works.keys_of(work, packer, scratch);
    task.k_transposed = keys.k_transposed;
    task.v_natural = keys.v_natural;
    kernels.forward(task, scratch);
  });
  return result;
}

at::Tensor log_sum_exp(const AttentionForwardResult& forward) {
  return (forward.statistics_2HT[0] + forward.statistics_2HT[1].log2()) * std::log(2.0);
}

}  // namespace dermis
