#include "models/language/gemma.h"

#include <ATen/ATen.h>

#include "kernels/attention/attention.h"
#include "kernels/gated_gelu/gated_gelu.h"
#include "kernels/linear/linear.h"
#include "kernels/operand/index_tensor.h"
#include "kernels/rms_norm/rms_norm.h"
#include "models/layers/gather_rows.h"

namespace dermis {

// What all layers of one forward share.
struct GemmaDecoder::Run {
  const PackedBatch& batch;
  at::Tensor rows = {};                                  // rows the last layer computes; undefined: all
  RopeTable rows_rope = {};                              // of those rows
  std::shared_ptr<const VisibleKeys> visible = {};       // of all rows
  std::shared_ptr<const VisibleKeys> rows_visible = {};  // of those rows
  KvCache* cache = nullptr;

  void select(std::span<const int32_t> wanted) {
    rows = index_tensor(wanted, batch.rope.cos_TD2.device());
    rows_rope = select_rows(batch.rope, rows);
    rows_visible = std::make_shared<const VisibleKeys>(visible->select_rows(wanted));
  }
};

GemmaDecoder::GemmaDecoder(const LanguageConfig& config, const ParameterSet& parameters) : config_(config) {
  const std::string model = "language_model.model.";
  embedding_ = parameters.at(model + "embed_tokens.weight");
  final_norm_ = parameters.at(model + "norm.weight");
  for (int64_t i = 0; i < config.layers; ++i) {
    const std::string name = model + "layers." + std::to_string(i) + ".";
    layers_.push_back({.input_norm = parameters.at(name + "input_layernorm.weight"),
                       .output = parameters.at(name + "self_attn.o_proj.weight"),
                       .attention_norm = parameters.at(name + "post_attention_layernorm.weight"),
                       .down = parameters.at(name + "mlp.down_proj.weight"),
                       .qkv = parameters.group(name + "self_attn.qkv.weight"),
                       .gate_up = parameters.group(name + "mlp.gate_up.weight")});
  }
}

// Query and key heads lie side by side in the joined projection, so one rotation serves both.
GemmaDecoder::Heads GemmaDecoder::project(const Layer& layer, const at::Tensor& y_TC, const Run& run,
                                          bool selected) const {
  const int64_t heads = config_.heads, kv_heads = config_.kv_heads, size = config_.head_size;
  if (!selected) {
    const at::Tensor qkv = dense(y_TC, layer.qkv.all()).view({y_TC.size(0), heads + 2 * kv_heads, size});
    const std::vector<at::Tensor> qk_v = qkv.split_with_sizes({heads + kv_heads, kv_heads}, 1);
    const std::vector<at::Tensor> q_k = rope(qk_v[0], run.batch.rope).split_with_sizes({heads, kv_heads}, 1);
    return {q_k[0], q_k[1], qk_v[1]};
  }
  const at::Tensor q = dense(gather_rows(y_TC, run.rows), layer.qkv.joined(0, 1)).view({-1, heads, size});
  const at::Tensor kv = dense(y_TC, layer.qkv.joined(1, 3)).view({y_TC.size(0), 2 * kv_heads, size});
  const std::vector<at::Tensor> k_v = kv.split_with_sizes({kv_heads, kv_heads}, 1);
  return {rope(q, run.rows_rope), rope(k_v[0], run.batch.rope), k_v[1]};
}

at::Tensor GemmaDecoder::attend(size_t index, const at::Tensor& y_TC, const Run& run, bool selected) const {
  const Layer& layer = layers_[index];
  Heads heads = project(layer, y_TC, run, selected);
  if (run.cache != nullptr) std::tie(heads.k_SGD, heads.v_SGD) = run.cache->append(index, heads.k_SGD, heads.v_SGD);
  const at::Tensor o_THD = attention(heads.q_THD, heads.k_SGD, heads.v_SGD, selected ? run.rows_visible : run.visible);
  return dense(o_THD.reshape({o_THD.size(0), config_.heads * config_.head_size}), layer.output);
}

at::Tensor GemmaDecoder::run_layers(const at::Tensor& inputs_TC, const Run& run, Trace* trace) const {
  const double eps = config_.rms_norm_eps;
  at::Tensor x = inputs_TC;
  at::Tensor y = rms_norm(x, layers_[0].input_norm, eps);
  for (size_t i = 0; i < layers_.size(); ++i) {
    const bool last = i + 1 == layers_.size();
    const bool selected = last && run.rows.defined();
    const at::Tensor attended = attend(i, y, run, selected);
    if (selected) x = gather_rows(x, run.rows);
    std::tie(x, y) = add_rms_norm(attended, x, layers_[i].attention_norm, eps);
    const at::Tensor inner = gated_gelu(dense(y, layers_[i].gate_up.all()));
    // The residual sum goes straight into the norm that follows: the next layer's first, or the final one.
    std::tie(x, y) =
        add_rms_norm(dense(inner, layers_[i].down), x, last ? final_norm_ : layers_[i + 1].input_norm, eps);
    if (trace != nullptr) trace->hidden.push_back(x);
  }
  if (trace != nullptr) trace->final_norm = y;
  return y;
}

at::Tensor GemmaDecoder::forward(const at::Tensor& inputs_TC, const PackedBatch& batch, std::span<const int32_t> rows,
                                 Trace* trace) const {
  Run run{.batch = batch, .visible = batch.visible};
  if (!rows.empty()) run.select(rows);
  return run_layers(inputs_TC, run, trace);
}

at::Tensor GemmaDecoder::extend(const at::Tensor& inputs_TC, const PackedBatch& batch, KvCache& cache,
                                std::span<const int32_t> rows) const {
  Run run{.batch = batch, .cache = &cache};
  run.visible = std::make_shared<const VisibleKeys>(cache.visible());
  run.select(rows);
  return run_layers(inputs_TC, run, nullptr);
}

}  // namespace dermis
