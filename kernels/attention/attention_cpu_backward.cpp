#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/attention/attention_cpu.h"
#include "kernels/attention/attention_threads.h"
#include "kernels/attention/attention_work.h"

namespace dermis {

namespace {

// Long segments are cut into runs of rows with sums of their own, so that there are about so many tasks in all. More
// would feed more threads; each costs the memory of the gradients of its keys.
constexpr int64_t kWantedTasks = 16, kMaxRuns = 8;
constexpr int32_t kKeysPerSumTask = 128;

std::vector<IndexRange> runs_of(const AttentionProblem& problem, const AttentionSegment& segment, int64_t area) {
  const double share = static_cast<double>(segment.area) / static_cast<double>(area);
  const auto wanted = std::llround(share * static_cast<double>(kWantedTasks) / static_cast<double>(problem.G));
  const int64_t blocks = segment.rows.size() / problem.block_tokens;
  const int64_t count = std::clamp<int64_t>(std::min<int64_t>(wanted, blocks), 1, kMaxRuns);
  if (count == 1) return {segment.rows};
  return equal_areas(problem.visible, segment, count, problem.block_tokens);
}

class BackwardPass {
 public:
  BackwardPass(const AttentionProblem& problem, const AttentionWorks& works, const KeyPacker& packer,
               const AttentionGradients& gradients)
      : problem_(problem),
        works_(works),
        packer_(packer),
        gradients_(gradients),
        transposed_(transposed_of(problem.visible)) {
    const at::TensorOptions floats = at::TensorOptions().dtype(at::kFloat);
    for (const AttentionWork& work : works.works) {
      sums_.push_back(work.runs > 1 ? at::empty({2 * sum_floats(work)}, floats) : at::Tensor());
    }
  }

  void run(int64_t index, const at::Tensor& q_THD, const AttentionForwardResult& forward,
           const at::Tensor& grad_o_THD) const;
  void add_runs() const;

 private:
  // Keys that a work's rows see, from the segment's first key; whole panels from the first.
  IndexRange keys_of(const AttentionWork& work) const {
    const auto panel = static_cast<int32_t>(problem_.kernels.panel);
    const int32_t origin = work.segment->keys.begin;
    const int32_t first = problem_.visible.lo()[static_cast<size_t>(work.rows.begin)] - origin;
    return {first / panel * panel, problem_.visible.hi()[static_cast<size_t>(work.rows.end - 1)] - origin};
  }
  int64_t sum_floats(const AttentionWork& work) const { return problem_.natural_floats(keys_of(work).size()); }
  AttentionKeyGradient key_gradient(const AttentionWork& work) const {
    return gradient_of(gradients_.k_SGD, work, problem_.key_factor);
  }
  AttentionKeyGradient value_gradient(const AttentionWork& work) const {
    return gradient_of(gradients_.v_SGD, work, 1.0F);
  }
  static AttentionKeyGradient gradient_of(const at::Tensor& x_SGD, const AttentionWork& work, float factor) {
    float* data =
        x_SGD.mutable_data_ptr<float>() + work.segment->keys.begin * x_SGD.stride(0) + work.g * x_SGD.stride(1);
    return {data, x_SGD.stride(0), factor};
  }
  void write_sums(const AttentionWork& first, const std::vector<const float*>& sums, IndexRange keys) const;

  const AttentionProblem& problem_;
  const AttentionWorks& works_;
  const KeyPacker& packer_;
  const AttentionGradients& gradients_;
  std::shared_ptr<const VisibleKeys> transposed_;
  // Per work that is not alone: key gradients, then value gradients. A tensor each, as an allocator keeps pages of this
  // size, and gives back those of all together.
  std::vector<at::Tensor> sums_;
};

// Adds the sums of a (segment, head)'s works for keys of the segment.
void BackwardPass::write_sums(const AttentionWork& first, const std::vector<const float*>& sums,
                              IndexRange keys) const {
  std::vector<const float*> v_sums;
  std::vector<int64_t> begin, end;
  for (int64_t i = 0; i < first.runs; ++i) {
    const AttentionWork& work = works_.works[static_cast<size_t>(first.first + i)];
    const IndexRange range = keys_of(work);
    begin.push_back(range.begin);
    end.push_back(range.end);
    v_sums.push_back(sums[static_cast<size_t>(i)] + sum_floats(work));
  }
  AttentionKeySums task{sums.data(), begin.data(),        end.data(), first.runs,
                        problem_.D,  key_gradient(first), keys.begin, keys.end};
  problem_.kernels.write_key_sums(task);
  task.parts = v_sums.data();
  task.out = value_gradient(first);
  problem_.kernels.write_key_sums(task);
}

void BackwardPass::run(int64_t index, const at::Tensor& q_THD, const AttentionForwardResult& forward,
                       const at::Tensor& grad_o_THD) const {
  const AttentionWork& work = works_.works[static_cast<size_t>(index)];
  const IndexRange keys = keys_of(work);
  AttentionBackwardTask task{};
  task.heads = problem_.heads;
  task.rows = problem_.queries(q_THD, work.rows, *work.segment, work.g);
  task.scale = problem_.scale;
  task.block_tokens = problem_.block_tokens;
  task.first_row = transposed_->lo().data() + work.segment->keys.begin;
  task.last_row = transposed_->hi().data() + work.segment->keys.begin;
  task.row_origin = work.rows.begin;
  task.o = problem_.const_rows(forward.o_THD, work.rows.begin, work.g);
  task.grad_o = problem_.const_rows(grad_o_THD, work.rows.begin, work.g);
  task.statistics = problem_.statistics(forward.statistics_2HT, work.rows.begin, work.g);
  task.grad_q = problem_.rows(gradients_.q_THD, work.rows.begin, work.g);
  task.key_begin = keys.begin;
  task.key_end = keys.end;
  const bool alone = work.runs == 1, one_block = alone && work.rows.size() <= problem_.block_tokens;
  const int64_t sums = alone && !one_block ? 2 * sum_floats(work) : 0,
                panels = alone ? packer_.floats(*work.segment) : 0;
  float* scratch = thread_scratch().floats(problem_.kernels.backward_scratch(task) + panels + sums);
  const KeyPanels packed = works_.keys_of(work, packer_, scratch);
  task.k_natural = packed.k_natural;
  task.k_transposed = packed.k_transposed;
  task.v_transposed = packed.v_transposed;
  if (one_block) {
    task.grad_k = key_gradient(work);
    task.grad_v = value_gradient(work);
  } else {
    task.sum_k = alone ? scratch : sums_[static_cast<size_t>(index)].mutable_data_ptr<float>();
    task.sum_v = task.sum_k + sum_floats(work);
  }
  problem_.kernels.backward(task, scratch + sums);
  if (alone && !one_block) write_sums(work, {task.sum_k}, {0, work.segment->keys.size()});
}

void BackwardPass::add_runs() const {
  struct SumTask {
    int64_t work;
    IndexRange keys;
  };
  std::vector<SumTask> tasks;
  for (size_t i = 0; i < works_.works.size(); ++i) {
    const AttentionWork& work = works_.works[i];
    if (work.runs == 1 || static_cast<size_t>(work.first) != i) continue;
    for (const IndexRange& keys : equal_runs({0, work.segment->keys.size()}, kKeysPerSumTask)) {
      tasks.push_back({static_cast<int64_t>(i), keys});
    }
  }
  if (tasks.empty()) return;
  for_tasks(static_cast<int64_t>(tasks.size()), [&](int64_t i) {
    const SumTask& task = tasks[static_cast<size_t>(i)];
    const AttentionWork& first = works_.works[static_cast<size_t>(task.work)];
    std::vector<const float*> sums;
    for (int64_t run = 0; run < first.runs; ++run) {
      sums.push_back(sums_[static_cast<size_t>(task.work + run)].const_data_ptr<float>());
    }
    write_sums(first, sums, task.keys);
  });
}

}  // namespace

AttentionGradients attention_cpu_backward(const AttentionKernels& kernels, const at::Tensor& q_THD,
                                          const at::Tensor& k_SGD, const at::Tensor& v_SGD, const VisibleKeys& visible,
                                          const AttentionOptions& options, const AttentionForwardResult& forward,
                                          const at::Tensor& grad_o_THD) {
  const AttentionProblem problem(kernels, q_THD, k_SGD, visible, options);
  const at::TensorOptions floats = at::TensorOptions().dtype(at::kFloat);
  AttentionGradients result{at::empty(q_THD.sizes(), floats), at::empty(k_SGD.sizes(), floats),
                            at::empty(v_SGD.sizes(), floats)};
  const std::shared_ptr<const AttentionSegments> cut = segments_of(visible);
  zero_rows(result.q_THD, cut->blind_rows);
  zero_rows(result.k_SGD, cut->unseen_keys);
  zero_rows(result.v_SGD, cut->unseen_keys);
  const KeyPacker packer(problem, k_SGD, v_SGD, KeyPacker::Pass::backward);
  const int64_t area = visible.area();
  const AttentionWorks works = attention_works(
      problem, cut->segments, packer, [&](const AttentionSegment& segment) { return runs_of(problem, segment, area); });
  const BackwardPass pass(problem, works, packer, result);
  for_tasks(static_cast<int64_t>(works.works.size()), [&](int64_t i) { pass.run(i, q_THD, forward, grad_o_THD); });
  pass.add_runs();
  return result;
}

}  // namespace dermis
