// Named tensors to and from one safetensors file.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

namespace dermis {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// fp32 or bf16 tensors on any device, as they are. Atomic: Error(data) on a full disk, and then no file.
void write_tensors(const std::string& path, const NamedTensors& tensors);

// Copies the file's values into the tensors in place. Error(data) that lists every name missing, unexpected or of
// another shape or type: the file then belongs to another model or recipe.
void read_tensors(const std::string& path, const NamedTensors& tensors);

}  // namespace dermis
