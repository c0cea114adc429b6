#include "kernels/attention/attention_work.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "kernels/attention/attention_checks.h"
#include "kernels/attention/attention_threads.h"

namespace dermis {

namespace {

constexpr double kLog2E = 1.4426950408889634;
// Folded rows of a block: so many that their operands (rows times D) take about 96 KiB each.
constexpr int64_t kBlockFloats = 24 * 1024, kMinBlockRows = 48, kMaxBlockRows = 384;

const float* key_data(const at::Tensor& x_SGD, const AttentionSegment& segment, int64_t g) {
  return x_SGD.const_data_ptr<float>() + segment.keys.begin * x_SGD.stride(0) + g * x_SGD.stride(1);
}

}  // namespace

AttentionProblem::AttentionProblem(const AttentionKernels& kernels, const at::Tensor& q_THD, const at::Tensor& k_SGD,
                                   const VisibleKeys& visible, const AttentionOptions& options)
    : kernels(kernels),
      visible(visible),
      T(q_THD.size(0)),
      S(k_SGD.size(0)),
      H(q_THD.size(1)),
      G(k_SGD.size(1)),
      D(q_THD.size(2)),
      group(H / G),
      block_tokens(std::max<int64_t>(1, std::clamp(kBlockFloats / D, kMinBlockRows, kMaxBlockRows) / group)) {
  const double exact = attention_scale(q_THD, options);
  const double factor = options.softcap != 0 ? exact / options.softcap : exact * kLog2E;
  heads = {D, group, static_cast<float>(factor), static_cast<float>(options.softcap)};
  scale = static_cast<float>(exact);
  key_factor = static_cast<float>(exact / factor);
}

int64_t AttentionProblem::natural_floats(int64_t rows) const {
  return (D + kernels.panel - 1) / kernels.panel * kernels.panel * rows;
}

int64_t AttentionProblem::transposed_floats(int64_t rows) const {
  return (rows + kernels.panel - 1) / kernels.panel * kernels.panel * D;
}

AttentionQueries AttentionProblem::queries(const at::Tensor& q_THD, IndexRange rows, const AttentionSegment& segment,
                                           int64_t g) const {
  return {const_rows(q_THD, rows.begin, g), rows.size(),        visible.lo().data() + rows.begin,
          visible.hi().data() + rows.begin, segment.keys.begin, segment.keys.size()};
}

ConstRows AttentionProblem::const_rows(const at::Tensor& x_THD, int64_t row, int64_t g) const {
  const int64_t offset = row * x_THD.stride(0) + g * group * x_THD.stride(1);
  return {x_THD.const_data_ptr<float>() + offset, x_THD.stride(0), x_THD.stride(1)};
}

MutableRows AttentionProblem::rows(const at::Tensor& x_THD, int64_t row, int64_t g) const {
  const int64_t offset = row * x_THD.stride(0) + g * group * x_THD.stride(1);
  return {x_THD.mutable_data_ptr<float>() + offset, x_THD.stride(0), x_THD.stride(1)};
}

AttentionStatistics AttentionProblem::statistics(const at::Tensor& statistics_2HT, int64_t row, int64_t g) const {
  float* max = statistics_2HT.mutable_data_ptr<float>() + g * group * T + row;
  return {max, max + H * T, T};
}

int64_t KeyPacker::floats(const AttentionSegment& segment) const {
  const int64_t keys = segment.keys.size();
  return problem_.natural_floats(keys) + (pass_ == Pass::backward ? 2 : 1) * problem_.transposed_floats(keys);
}

KeyPanels KeyPacker::pack(const AttentionSegment& segment, int64_t g, float* to) const {
  const AttentionKernels& kernels = problem_.kernels;
  const int64_t keys = segment.keys.size(), D = problem_.D;
  const at::Tensor& natural = pass_ == Pass::backward ? k_SGD_ : v_SGD_;
  kernels.pack_natural(key_data(natural, segment, g), natural.stride(0), keys, D, to);
  float* transposed = to + problem_.natural_floats(keys);
  kernels.pack_transposed(key_data(k_SGD_, segment, g), k_SGD_.stride(0), keys, D, transposed);
  if (pass_ == Pass::backward) {
    transposed += problem_.transposed_floats(keys);
    kernels.pack_transposed(key_data(v_SGD_, segment, g), v_SGD_.stride(0), keys, D, transposed);
  }
  return panels(segment, to);
}

KeyPanels KeyPacker::panels(const AttentionSegment& segment, const float* packed) const {
  const int64_t keys = segment.keys.size();
  KeyPanels result;
  (pass_ == Pass::backward ? result.k_natural : result.v_natural) = packed;
  result.k_transposed = packed + problem_.natural_floats(keys);
  if (pass_ == Pass::backward) result.v_transposed = result.k_transposed + problem_.transposed_floats(keys);
  return result;
}

KeyPanels AttentionWorks::keys_of(const AttentionWork& work, const KeyPacker& packer, float*& scratch) const {
  if (work.packed >= 0) return packer.panels(*work.segment, shared.const_data_ptr<float>() + work.packed);
  const KeyPanels result = packer.pack(*work.segment, work.g, scratch);
  scratch += packer.floats(*work.segment);
  return result;
}

AttentionWorks attention_works(const AttentionProblem& problem, const std::vector<AttentionSegment>& segments,
                               const KeyPacker& packer,
                               const std::function<std::vector<IndexRange>(const AttentionSegment&)>& cut) {
  AttentionWorks result;
  std::vector<AttentionWork> shared;
  int64_t floats = 0;
  for (const AttentionSegment& segment : segments) {
    const std::vector<IndexRange> runs = cut(segment);
    for (int64_t g = problem.G - 1; g >= 0; --g) {  // for_tasks() takes the last first: heads as they lie in memory
      AttentionWork work{&segment, {}, g, static_cast<int64_t>(result.works.size()), static_cast<int64_t>(runs.size()),
                         -1};
      if (runs.size() > 1) {
        work.packed = floats;
        floats += packer.floats(segment);
        shared.push_back(work);
      }
      for (const IndexRange& rows : runs) {
        work.rows = rows;
        result.works.push_back(work);
      }
    }
  }
  if (floats > 0) {
    result.shared = at::empty({floats}, at::TensorOptions().dtype(at::kFloat));
    float* data = result.shared.mutable_data_ptr<float>();
    for_tasks(static_cast<int64_t>(shared.size()), [&](int64_t i) {
      const AttentionWork& work = shared[static_cast<size_t>(i)];
      packer.pack(*work.segment, work.g, data + work.packed);
    });
  }
  return result;
}

void zero_rows(const at::Tensor& x, const std::vector<IndexRange>& rows) {
  for (const IndexRange& range : rows) x.narrow(0, range.begin, range.size()).zero_();
}

}  // namespace dermis
