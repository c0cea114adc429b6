// Which kernels serve a tensor on a GPU, and how an operator launches one.
//
// fp64 tensors on a GPU (and fp32 ones in attention, which tensor cores would round) go to LibTorch's operators; others
// to our kernels, unless LibTorch's were chosen. An operator never falls back by itself: what our kernels cannot do is
// an Error that says how to choose LibTorch's operators.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>
#include <c10/util/FunctionRef.h>

#include <string>

#include "kernels/cuda/cuda_module.h"
#include "kernels/machine/machine.h"
#include "kernels/operand/operand.h"

namespace dermis {

enum class GpuOperators { own, libtorch };

// For tensors on GPUs, in the whole process. Begins with what the environment variable DERMIS_GPU_OPERATORS says (own
// or libtorch; own without it). Thread safe; operators of a graph keep what they began with.
void choose_gpu_operators(GpuOperators choice);
GpuOperators gpu_operators();

// The module whose kernels serve this tensor. nullptr: it lies on the CPU, is not fp32, bf16 or fp16, or LibTorch's
// operators were chosen. Throws Error(device) when there are no kernels for its GPU: no module, or a GPU older than
// Ampere.
const CudaModule* cuda_kernels_for(const char* op, const at::Tensor& tensor);
const CudaModule* cuda_kernels_for(const char* op, at::Device device, at::ScalarType type);

// Throws Error(device) when kernels do not run on the device of that index.
void check_gpu(const char* op, const CudaModule* module, const std::string& reason, int index);

// Calls launch(stream) with the tensor's device and LibTorch's current stream on it. Throws Error(device) naming the
// operator, the shapes and the device, with CUDA's words, when it returns an error. Shapes are written only then: those
// of the tensor when none are given.
void launch_kernel(const CudaModule& module, const char* op, const at::Tensor& tensor,
                   c10::function_ref<int(void* stream)> launch);
void launch_kernel(const CudaModule& module, const char* op, c10::function_ref<std::string()> shapes,
                   const at::Tensor& tensor, c10::function_ref<int(void* stream)> launch);

// at::empty for outputs and scratch; when the device has no memory left, Error(device) naming the operator and size.
at::Tensor device_empty(const char* op, at::IntArrayRef sizes, const at::TensorOptions& options);
// x.contiguous() with the same error; what is undefined stays so.
at::Tensor device_contiguous(const char* op, const at::Tensor& x);

// That error from LibTorch's.
[[noreturn]] void fail_for_memory(const char* op, const std::string& wanted, at::Device device,
                                  const c10::OutOfMemoryError& error);
// body() with the same error, where LibTorch allocates by itself (copies, products); `wanted` completes "room for ...".
template <class Body>
auto naming_lack_of_memory(const char* op, c10::function_ref<std::string()> wanted, at::Device device, Body body)
    -> decltype(body()) {
  try {
    return body();
  } catch (const c10::OutOfMemoryError& error) {
    fail_for_memory(op, wanted(), device, error);
  }
}
template <class Body>
auto naming_lack_of_memory(const char* op, const at::Tensor& operand, Body body) -> decltype(body()) {
  return naming_lack_of_memory(
      op, [&] { return "copies and results of " + describe(operand); }, operand.device(), body);
}

// Throws Error(usage) naming operator, operand and limit when its kernel cannot count as many: "rope on a GPU: too many
// pieces of eight numbers". `fix` completes "..., or choose LibTorch's operators".
void check_kernel_limit(const char* op, const char* counted, int64_t found, int64_t most, const at::Tensor& operand,
                        const char* fix);

ElementType element_type(const at::Tensor& tensor);  // fp32, bf16 or fp16

// For saved_data of an autograd function: the module that its forward pass used.
inline int64_t module_number(const CudaModule* module) {
  return static_cast<int64_t>(reinterpret_cast<intptr_t>(module));
}
inline const CudaModule* module_of_number(int64_t number) {
  return reinterpret_cast<const CudaModule*>(static_cast<intptr_t>(number));
}

// For tests: until this goes out of scope, `module` serves tensors on the CPU, as if that were its device.
class CpuAsGpu {
 public:
  explicit CpuAsGpu(const CudaModule& module);
  ~CpuAsGpu();
  CpuAsGpu(const CpuAsGpu&) = delete;
  CpuAsGpu& operator=(const CpuAsGpu&) = delete;
};

}  // namespace dermis
