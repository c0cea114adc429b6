// The few functions of CUDA's runtime that nvcc's host code and our launchers call, so that the objects of the CUDA
// module, as the program ships them, can be linked into a library whose kernels run on the CPU.
#include "tests/ptx/runtime.h"

#include <cuda_runtime_api.h>

#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "tests/gpu/kernel_images.h"
#include "tests/ptx/images.h"
#include "tests/ptx/module.h"

namespace dermis::ptx {
namespace {

// As in CUDA's fatbinary_section.h.
struct RegisteredImage {
  int magic, version;
  const void* image;
  void* unused;
};

struct Call {
  dim3 blocks, threads;
  size_t shared_bytes;
  cudaStream_t stream;
};

struct Runtime {
  std::mutex mutex;
  std::vector<std::unique_ptr<Module>> modules;
  std::map<const void*, std::pair<Module*, std::string>> functions;  // by their stubs on the host
  GlobalMemory global;
  uint64_t launches = 0;
  Traffic* traffic = nullptr;
  cudaError_t error = cudaSuccess;
  std::string fault;
  std::vector<Call> calls;  // pushed by <<<>>>, popped by the stub
};

// Outlives the static objects that register images.
Runtime& runtime() {
  static auto* runtime = new Runtime;
  return *runtime;
}

cudaError_t fail(cudaError_t error, const std::string& fault) {
  runtime().fault = fault;
  return runtime().error = error;
}

}  // namespace
}  // namespace dermis::ptx

using dermis::ptx::fail;
using dermis::ptx::runtime;

extern "C" {

void dermis_ptx_memory(bool (*holds)(uint64_t, size_t)) { runtime().global.ask(holds); }

void dermis_ptx_traffic(dermis::ptx::Traffic* traffic) { runtime().traffic = traffic; }

void** __cudaRegisterFatBinary(void* registered) {
  const auto parts = dermis::gpu::image_parts(static_cast<dermis::ptx::RegisteredImage*>(registered)->image);
  auto& modules = runtime().modules;
  modules.push_back(std::make_unique<dermis::ptx::Module>(dermis::ptx::ptx_in(parts)));
  return reinterpret_cast<void**>(modules.back().get());
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}

void __cudaRegisterFunction(void** module, const char* stub, char*, const char* name, int, uint3*, uint3*, dim3*, dim3*,
                            int*) {
  runtime().functions[stub] = {reinterpret_cast<dermis::ptx::Module*>(module), name};
}

cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* stub) {
  const std::scoped_lock lock(runtime().mutex);
  const auto found = runtime().functions.find(stub);
  if (found == runtime().functions.end())
    return fail(cudaErrorInvalidDeviceFunction, "a kernel that is not registered");
  const auto& [module, name] = found->second;
  *kernel = reinterpret_cast<cudaKernel_t>(module->find(name));
  return *kernel != nullptr ? cudaSuccess : fail(cudaErrorInvalidDeviceFunction, "no PTX of " + name);
}

cudaError_t cudaFuncSetAttribute(const void* stub, cudaFuncAttribute attribute, int value) {
  cudaKernel_t kernel = nullptr;
  if (const cudaError_t error = __cudaGetKernel(&kernel, stub); error != cudaSuccess) return error;
  const bool allowed = attribute == cudaFuncAttributeMaxDynamicSharedMemorySize &&
                       reinterpret_cast<dermis::ptx::Function*>(kernel)->allow_shared(static_cast<uint32_t>(value));
  return allowed ? cudaSuccess : fail(cudaErrorInvalidValue, "an attribute that no kernel may have");
}

unsigned __cudaPushCallConfiguration(dim3 blocks, dim3 threads, size_t shared_bytes, cudaStream_t stream) {
  runtime().calls.push_back({blocks, threads, shared_bytes, stream});
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* blocks, dim3* threads, size_t* shared_bytes, void* stream) {
  if (runtime().calls.empty()) return fail(cudaErrorMissingConfiguration, "a launch that nothing began");
  const dermis::ptx::Call call = runtime().calls.back();
  runtime().calls.pop_back();
  *blocks = call.blocks;
  *threads = call.threads;
  *shared_bytes = call.shared_bytes;
  std::memcpy(stream, &call.stream, sizeof(call.stream));
  return cudaSuccess;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 blocks, dim3 threads, void** args, size_t shared_bytes,
                               cudaStream_t) {
  const std::scoped_lock lock(runtime().mutex);
  if (threads.y != 1 || threads.z != 1) return fail(cudaErrorInvalidConfiguration, "threads of more than one axis");
  try {
    reinterpret_cast<dermis::ptx::Function*>(kernel)->launch(
        {blocks.x, blocks.y, blocks.z}, threads.x, static_cast<uint32_t>(shared_bytes), args[0], runtime().global,
        dermis::ptx::schedule_of(runtime().launches++), runtime().traffic);
  } catch (const std::runtime_error& error) {
    return fail(cudaErrorLaunchFailure, error.what());
  }
  return cudaSuccess;
}

cudaError_t cudaGetLastError() { return std::exchange(runtime().error, cudaSuccess); }
const char* cudaGetErrorString(cudaError_t) { return runtime().fault.c_str(); }

cudaError_t cudaDriverGetVersion(int* version) { return *version = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int* version) { return *version = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* count) { return *count = 1, cudaSuccess; }
cudaError_t cudaSetDevice(int device) {
  return device == 0 ? cudaSuccess : fail(cudaErrorInvalidDevice, "there is one device, of PTX");
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  std::strcpy(properties->name, "PTX");
  properties->major = 8;
  properties->totalGlobalMem = size_t{1} << 30;
  properties->multiProcessorCount = 16;
  return cudaSuccess;
}
}
