#include "models/weights/hf_folder.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <map>

#include "core/error.h"
#include "core/io/atomic_file.h"
#include "models/weights/checkpoint_files.h"
#include "models/weights/hf_config.h"
#include "models/weights/hf_json.h"
#include "models/weights/hf_processor.h"
#include "models/weights/names.h"
#include "models/weights/parameter_table.h"

namespace dermis {
namespace {

std::string shape_text(const auto& shape) {
  std::string text;
  for (const int64_t extent : shape) text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return "[" + text + "]";
}

std::optional<at::ScalarType> floating_type(DType dtype) {
  switch (dtype) {
    case DType::f16: return at::kHalf;
    case DType::bf16: return at::kBFloat16;
    case DType::f32: return at::kFloat;
    case DType::f64: return at::kDouble;
    default: return std::nullopt;
  }
}

// The stored bytes as an fp32 tensor of their own (mapped bytes may be unaligned).
at::Tensor read_tensor(const TensorView& view, const std::string& file) {
  const auto type = floating_type(view.dtype);
  if (!type) {
    throw Error(ErrorKind::data, {.what = "A weight is stored in a type that dermis does not read",
                                  .where = file + ", " + view.name,
                                  .expected = "F32, F16, BF16 or F64",
                                  .found = std::string(name_of_enum(view.dtype)),
                                  .fix = "save the model in one of these types"});
  }
  at::Tensor stored = at::empty(view.shape, at::TensorOptions().dtype(*type));
  std::memcpy(stored.data_ptr(), view.bytes.data(), view.bytes.size());
  return stored.to(at::kFloat);
}

// Collects everything that does not fit, so that one error lists all of it; before any memory is taken for the model,
// so that a config.json with absurd numbers costs nothing.
class WeightLoader {
 public:
  WeightLoader(const CheckpointFiles& files, const std::vector<ParameterSpec>& table, LoadReport& report)
      : report_(report) {
    for (const ParameterSpec& spec : table) shapes_[spec.name] = spec.shape;
    std::vector<std::string> names;
    for (const auto& [tensor, file] : files.entries()) names.push_back(tensor->name);
    report_.layout = name_generation(names);
    for (const auto& [tensor, file] : files.entries()) take(*tensor, *file);
  }

  void check(const std::string& folder) {
    for (const auto& [name, shape] : shapes_) {
      if (sources_.find(name) == sources_.end()) defects_.push_back("missing: " + name + " " + shape_text(shape));
    }
    if (defects_.empty()) return;
    std::string found;
    for (const std::string& defect : defects_) found += "\n    " + defect;
    throw Error(ErrorKind::data, {.what = "The weights do not fit the model that config.json describes",
                                  .where = folder,
                                  .expected = fmt::format("{} tensors in the shapes of config.json", shapes_.size()),
                                  .found = fmt::format("{} defects:{}", defects_.size(), found),
                                  .fix = "use config.json and weights of the same model, fetched completely"});
  }

  void fill(const Vlm& model) const {
    for (const Parameter& parameter : model.parameters()) {
      const CheckpointFiles::Entry& source = sources_.at(parameter.name);
      parameter.tensor.copy_(read_tensor(*source.tensor, *source.file));
    }
    check_head(model.head_weight());
  }

 private:
  void take(const TensorView& tensor, const std::string& file) {
    const std::string name = canonical_name(tensor.name);
    const auto target = shapes_.find(name);
    if (target == shapes_.end()) {
      if (name == kHeadName) head_ = {&tensor, &file};
      if (!may_be_unused(name))
        defects_.push_back("no place in the model: " + tensor.name + " " + shape_text(tensor.shape));
      report_.unused.push_back(tensor.name);
      return;
    }
    const auto [first, inserted] = sources_.emplace(name, CheckpointFiles::Entry{&tensor, &file});
    if (!inserted) defects_.push_back("twice, as " + first->second.tensor->name + " and " + tensor.name);
    if (tensor.shape != target->second)
      defects_.push_back("shape: " + tensor.name + " is " + shape_text(tensor.shape) + ", the model needs " +
                         shape_text(target->second));
    report_.mapped.emplace_back(tensor.name, name);
    if (tensor.dtype != DType::f32)
      report_.converted.push_back(fmt::format("{}: {} -> F32", tensor.name, name_of_enum(tensor.dtype)));
  }

  // The head is tied to the embedding: a stored head that differs means another model.
  void check_head(const at::Tensor& embedding) const {
    if (head_.tensor == nullptr) return;
    const at::Tensor head = read_tensor(*head_.tensor, *head_.file);
    if (head.sizes() == embedding.sizes() && head.to(embedding.scalar_type()).equal(embedding.detach().cpu())) return;
    throw Error(ErrorKind::data,
                {.what = "The stored output head differs from the embedding it is tied to",
                 .where = *head_.file + ", " + head_.tensor->name,
                 .expected = "the values of embed_tokens.weight (tie_word_embeddings is true)",
                 .found = head.sizes() == embedding.sizes() ? "other values" : "shape " + shape_text(head.sizes()),
                 .fix = "tie the head before saving; dermis computes tied heads only"});
  }

  LoadReport& report_;
  std::map<std::string, std::vector<int64_t>> shapes_;
  std::map<std::string, CheckpointFiles::Entry> sources_;
  std::vector<std::string> defects_;
  CheckpointFiles::Entry head_{nullptr, nullptr};
};

VlmConfig load_config_with_note(const std::string& folder, std::string* note) {
  const std::string file = (std::filesystem::path(folder) / "config.json").string();
  VlmConfig config = config_from_json(read_json_object(file), file);
  config.image = load_image_format(folder, config.vision, note);
  config.validate();
  return config;
}

void write_weights(const Vlm& model, const std::string& path) {
  std::vector<at::Tensor> on_cpu;
  std::vector<TensorView> views;
  for (const Parameter& parameter : model.parameters()) {
    on_cpu.push_back(parameter.tensor.detach().to(at::kCPU, at::kFloat).contiguous());
    const at::Tensor& tensor = on_cpu.back();
    views.push_back({.name = parameter.name,
                     .dtype = DType::f32,
                     .shape = tensor.sizes().vec(),
                     .bytes = {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()}});
  }
  write_safetensors(path, views, {{"format", "pt"}});
}

}  // namespace

VlmConfig load_config(const std::string& folder) { return load_config_with_note(folder, nullptr); }

Vlm load_model(const std::string& folder, const Placement& placement, LoadReport* report) {
  at::NoGradGuard no_grad;
  LoadReport own;
  LoadReport& filled = report == nullptr ? own : *report;
  filled = {};
  std::string note;
  const VlmConfig config = load_config_with_note(folder, &note);
  if (!note.empty()) filled.notes.push_back(note);
  const CheckpointFiles files = CheckpointFiles::open(folder);
  WeightLoader loader(files, parameter_table(config), filled);
  loader.check(folder);
  Vlm model = Vlm::uninitialized(config, placement);
  loader.fill(model);
  return model;
}

void save_model(const Vlm& model, const std::string& folder, const std::string& tokenizer_model) {
  const std::filesystem::path root(folder);
  std::error_code failure;
  std::filesystem::create_directories(root, failure);
  if (failure) {
    throw Error(ErrorKind::data, {.what = "A model folder cannot be made",
                                  .where = folder,
                                  .expected = "a writable place",
                                  .found = failure.message(),
                                  .fix = "choose another folder, or give yourself the right to write here"});
  }
  const MmapFile tokenizer(tokenizer_model);
  write_weights(model, (root / "model.safetensors").string());
  AtomicFile copy((root / "tokenizer.model").string());
  copy.write(tokenizer.bytes());
  copy.commit();
  save_processor_files(model.config(), folder);
  // Last: a folder whose writing broke off has no config.json and is no model.
  write_file_atomically((root / "config.json").string(), config_to_json(model.config()).dump(2) + "\n");
}

}  // namespace dermis
