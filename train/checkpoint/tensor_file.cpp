#include "train/checkpoint/tensor_file.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <set>

#include "core/error.h"
#include "core/io/safetensors.h"

namespace dermis {
namespace {

std::string shape_text(at::IntArrayRef shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

DType stored_type(const at::Tensor& tensor) {
  const at::ScalarType type = tensor.scalar_type();
  DERMIS_CHECK(type == at::kFloat || type == at::kBFloat16, "fp32 or bf16");
  return type == at::kFloat ? DType::f32 : DType::bf16;
}

std::string difference(const at::Tensor& tensor, const TensorView* stored) {
  if (stored == nullptr) return "missing";
  if (stored->dtype != stored_type(tensor)) {
    return fmt::format("type {} instead of {}", name_of_enum(stored->dtype), name_of_enum(stored_type(tensor)));
  }
  if (at::IntArrayRef(stored->shape) != tensor.sizes()) {
    return fmt::format("shape {} instead of {}", shape_text(stored->shape), shape_text(tensor.sizes()));
  }
  return "";
}

}  // namespace

void write_tensors(const std::string& path, const NamedTensors& tensors) {
  std::vector<at::Tensor> held;  // host copies of what is elsewhere or strided
  std::vector<TensorView> views;
  held.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) {
    held.push_back(tensor.detach().cpu().contiguous());
    views.push_back({.name = name,
                     .dtype = stored_type(tensor),
                     .shape = held.back().sizes().vec(),
                     .bytes = {static_cast<const std::byte*>(held.back().const_data_ptr()), held.back().nbytes()}});
  }
  write_safetensors(path, views);
}

void read_tensors(const std::string& path, const NamedTensors& tensors) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  std::vector<std::string> faults;
  std::set<std::string> wanted;
  for (const auto& [name, tensor] : tensors) {
    wanted.insert(name);
    const std::string fault = difference(tensor, file.find(name));
    if (!fault.empty()) faults.push_back(name + ": " + fault);
  }
  for (const TensorView& view : file.tensors()) {
    if (!wanted.contains(view.name)) faults.push_back(view.name + ": not in the model");
  }
  if (!faults.empty()) {
    throw Error(ErrorKind::data,
                {.what = "the tensors are those of another model or recipe",
                 .where = path,
                 .expected = fmt::format("{} tensors", tensors.size()),
                 .found = fmt::format("{} that do not fit: {}", faults.size(), fmt::join(faults, "; ")),
                 .fix = "resume with the recipe the run was started with, or start a new run"});
  }
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors) {
    const TensorView* view = file.find(name);
    at::Tensor values = at::empty(tensor.sizes(), at::TensorOptions().dtype(tensor.scalar_type()));
    std::memcpy(values.mutable_data_ptr(), view->bytes.data(), view->bytes.size());
    at::Tensor target = tensor;
    target.copy_(values);
  }
}

}  // namespace dermis
