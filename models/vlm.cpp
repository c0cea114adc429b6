#include "models/vlm.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "core/error.h"
#include "kernels/embedding/embedding.h"
#include "kernels/image_normalise/image_normalise.h"
#include "kernels/linear/linear.h"
#include "models/language/gemma.h"
#include "models/layers/packed_batch.h"
#include "models/layers/parameter_set.h"
#include "models/vision/siglip.h"
#include "models/weights/initial.h"

namespace dermis {

class VlmImpl {
 public:
  VlmImpl(const VlmConfig& vlm_config, const Placement& vlm_placement)
      : config(vlm_config),
        placement(vlm_placement),
        parameters(parameter_table(config), placement),
        vision(config.vision, parameters),
        language(config.language, parameters),
        projector_weight(parameters.at("multi_modal_projector.linear.weight")),
        projector_bias(parameters.at("multi_modal_projector.linear.bias")) {}

  VlmConfig config;
  Placement placement;
  ParameterSet parameters;
  SiglipTower vision;
  GemmaDecoder language;
  at::Tensor projector_weight, projector_bias;
};

namespace {

void fill_initial(const VlmConfig& config, const ParameterSet& parameters, uint64_t seed) {
  const std::vector<ParameterSpec> table = parameter_table(config);
  at::parallel_for(0, static_cast<int64_t>(table.size()), 1, [&](int64_t begin, int64_t end) {
    at::NoGradGuard no_grad;  // holds for one thread
    for (int64_t i = begin; i < end; ++i) {
      const ParameterSpec& spec = table[static_cast<size_t>(i)];
      const at::Tensor& target = parameters.all()[static_cast<size_t>(i)].tensor;
      at::Tensor values = at::empty(spec.shape, at::kFloat);
      draw_initial(spec, seed, {values.data_ptr<float>(), static_cast<size_t>(values.numel())});
      target.copy_(values);
    }
  });
}

at::Tensor batch_pixels(const Batch& batch) {
  const int64_t images = batch.image_count, size = batch.image_size;
  DERMIS_CHECK(static_cast<int64_t>(batch.pixels.size()) == images * 3 * size * size, "pixels of image_count pictures");
  at::Tensor pixels = at::empty({images, 3, size, size}, at::kByte);
  std::copy(batch.pixels.begin(), batch.pixels.end(), pixels.mutable_data_ptr<uint8_t>());
  return pixels;
}

at::Tensor features_of(const Vlm& model, const Batch& batch, const at::Tensor& given, Trace* trace = nullptr) {
  if (given.defined() || batch.image_count == 0) return given;
  return model.encode_images(model.normalize(batch_pixels(batch)), trace, batch.kept_patches);
}

at::Tensor embed(const VlmImpl& impl, const PackedBatch& packed, const at::Tensor& features) {
  const at::Tensor& table = impl.language.embedding();
  const double scale = std::sqrt(static_cast<double>(impl.config.language.hidden));
  const at::Tensor given = features.defined() ? features.to(table.scalar_type()) : features;
  return embed_tokens(table, given, packed.rows, scale).to(impl.placement.compute);
}

int64_t rows_of(const at::Tensor& features) { return features.defined() ? features.size(0) : 0; }

}  // namespace

const char* name_of(Part part) {
  constexpr std::array<const char*, 3> kNames{"vision", "projector", "language"};
  return kNames[static_cast<size_t>(part)];
}

Vlm::Vlm(std::unique_ptr<VlmImpl> impl) : impl_(std::move(impl)) {
  for (const Part part : {Part::vision, Part::projector, Part::language}) set_trainable(part, true);
}
Vlm::Vlm(const VlmConfig& config, uint64_t seed, const Placement& placement) : Vlm(uninitialized(config, placement)) {
  fill_initial(config, impl_->parameters, seed);
}
Vlm Vlm::uninitialized(const VlmConfig& config, const Placement& placement) {
  config.validate();
  return Vlm(std::make_unique<VlmImpl>(config, placement));
}
Vlm::~Vlm() = default;
Vlm::Vlm(Vlm&&) noexcept = default;
Vlm& Vlm::operator=(Vlm&&) noexcept = default;

const VlmConfig& Vlm::config() const { return impl_->config; }
const Placement& Vlm::placement() const { return impl_->placement; }
std::vector<Parameter> Vlm::parameters() const { return impl_->parameters.all(); }
void Vlm::set_trainable(Part part, bool trainable) { impl_->parameters.set_trainable(part, trainable); }
const at::Tensor& Vlm::head_weight() const { return impl_->language.embedding(); }
at::Tensor Vlm::logits(const at::Tensor& hidden) const { return dense(hidden, head_weight()); }

at::Tensor Vlm::normalize(const at::Tensor& pixels_u8) const {
  const ImageFormat& format = impl_->config.image;
  return image_normalise(pixels_u8, format.mean, format.std, impl_->placement.device, impl_->placement.compute);
}

at::Tensor Vlm::encode_images(const at::Tensor& pixels, Trace* trace, std::span<const int32_t> kept_patches) const {
  const int64_t size = impl_->config.vision.image_size;
  if (pixels.dim() != 4 || pixels.size(1) != 3 || pixels.size(2) != size || pixels.size(3) != size) {
    std::string found;
    for (const int64_t extent : pixels.sizes()) found += (found.empty() ? "" : " x ") + std::to_string(extent);
    throw Error(ErrorKind::usage, {.what = "Pictures do not have the size this model was built for",
                                   .where = "encode_images",
                                   .expected = fmt::format("N x 3 x {} x {}", size, size),
                                   .found = found,
                                   .fix = "resize to the model's ImageFormat first"});
  }
  const Placement& placement = impl_->placement;
  const at::Tensor patches =
      impl_->vision.forward(pixels.to(placement.device, placement.compute).contiguous(), kept_patches, trace);
  at::Tensor features = dense(patches, impl_->projector_weight, impl_->projector_bias);
  if (trace != nullptr) trace->image_features = features;
  return features;
}

at::Tensor Vlm::hidden_at_labels(const Batch& batch, const at::Tensor& given) const {
  if (batch.label_rows.empty())
    return at::empty({0, impl_->config.language.hidden},
                     at::TensorOptions().dtype(impl_->placement.compute).device(impl_->placement.device));
  const at::Tensor features = features_of(*this, batch, given);
  check_batch(batch, impl_->config, rows_of(features));
  const PackedBatch packed = pack_inputs(batch, impl_->config, impl_->placement.device);
  return impl_->language.forward(embed(*impl_, packed, features), packed, batch.label_rows);
}

at::Tensor Vlm::hidden_all(const Batch& batch, const at::Tensor& given, Trace* trace) const {
  const at::Tensor features = features_of(*this, batch, given, trace);
  check_batch(batch, impl_->config, rows_of(features));
  const PackedBatch packed = pack_inputs(batch, impl_->config, impl_->placement.device);
  const at::Tensor inputs = embed(*impl_, packed, features);
  if (trace != nullptr) trace->inputs_embeds = inputs;
  return impl_->language.forward(inputs, packed, {}, trace);
}

at::Tensor Vlm::extend(const Batch& batch, KvCache& cache, const at::Tensor& given) const {
  at::NoGradGuard no_grad;
  const at::Tensor features = features_of(*this, batch, given);
  check_batch(batch, impl_->config, rows_of(features));
  const PackedBatch packed = pack_inputs(batch, impl_->config, impl_->placement.device);
  std::vector<int32_t> last_rows;
  for (size_t b = 0; b + 1 < batch.sequence_offsets.size(); ++b) {
    DERMIS_CHECK(batch.sequence_offsets[b + 1] > batch.sequence_offsets[b], "no sequence is empty");
    last_rows.push_back(batch.sequence_offsets[b + 1] - 1);
  }
  cache.begin(batch);
  const at::Tensor hidden = impl_->language.extend(embed(*impl_, packed, features), packed, cache, last_rows);
  cache.end();
  return logits(hidden);
}

}  // namespace dermis
