#include "tests/gpu/cuda_driver.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "core/error.h"

namespace dermis::gpu {
namespace {

[[noreturn]] void no_device(const std::string& found) {
  throw Error(ErrorKind::device, {.what = "no CUDA device to run kernels on", .found = found});
}

template <class Function>
Function* symbol(void* library, const char* name) {
  void* found = dlsym(library, name);
  if (found == nullptr) no_device(std::string("libcuda.so.1 has no ") + name);
  return reinterpret_cast<Function*>(found);
}

std::string open_device_0(void* library) {
  const auto check = [&](int error, const char* doing) {
    const char* text = nullptr;
    if (error != 0) symbol<int(int, const char**)>(library, "cuGetErrorString")(error, &text);
    if (error != 0) no_device(fmt::format("{}: {}", doing, text == nullptr ? "unknown error" : text));
  };
  int count = 0, device = 0, version = 0;
  void* context = nullptr;
  char name[256] = {};
  check(symbol<int(unsigned)>(library, "cuInit")(0), "cuInit");
  check(symbol<int(int*)>(library, "cuDriverGetVersion")(&version), "cuDriverGetVersion");
  check(symbol<int(int*)>(library, "cuDeviceGetCount")(&count), "cuDeviceGetCount");
  if (count == 0) no_device("the driver sees no device");
  check(symbol<int(int*, int)>(library, "cuDeviceGet")(&device, 0), "cuDeviceGet");
  check(symbol<int(char*, int, int)>(library, "cuDeviceGetName")(name, sizeof(name), device), "cuDeviceGetName");
  check(symbol<int(void**, int)>(library, "cuDevicePrimaryCtxRetain")(&context, device), "cuDevicePrimaryCtxRetain");
  check(symbol<int(void*)>(library, "cuCtxSetCurrent")(context), "cuCtxSetCurrent");
  return fmt::format("{}, driver {}.{}", name, version / 1000, version % 1000 / 10);
}

}  // namespace

CudaDriver open_cuda_driver() {
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) no_device("no CUDA driver (libcuda.so.1 is not found)");
  CudaDriver driver;
  driver.device = open_device_0(library);
  driver.error_text = [get = symbol<int(int, const char**)>(library, "cuGetErrorString")](int error) {
    const char* text = nullptr;
    return get(error, &text) == 0 && text != nullptr ? text : "unknown error";
  };
  driver.allocate = symbol<int(Address*, size_t)>(library, "cuMemAlloc_v2");
  driver.release = symbol<int(Address)>(library, "cuMemFree_v2");
  driver.to_device = symbol<int(Address, const void*, size_t)>(library, "cuMemcpyHtoD_v2");
  driver.to_host = symbol<int(void*, Address, size_t)>(library, "cuMemcpyDtoH_v2");
  driver.copy = symbol<int(Address, Address, size_t)>(library, "cuMemcpyDtoD_v2");
  driver.load = symbol<int(void**, const void*)>(library, "cuModuleLoadData");
  driver.find = symbol<int(void**, void*, const char*)>(library, "cuModuleGetFunction");
  driver.allow_shared = [set = symbol<int(void*, int, int)>(library, "cuFuncSetAttribute")](void* function,
                                                                                            uint32_t bytes) {
    constexpr int kMaxDynamicSharedSize = 8;
    return set(function, kMaxDynamicSharedSize, static_cast<int>(bytes));
  };
  using Launch =
      int(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*, void**, void**);
  driver.launch = [launch = symbol<Launch>(library, "cuLaunchKernel")](
                      void* function, const uint32_t(&blocks)[3], uint32_t threads, uint32_t shared, void** params) {
    return launch(function, blocks[0], blocks[1], blocks[2], threads, 1, 1, shared, nullptr, params, nullptr);
  };
  driver.wait = symbol<int()>(library, "cuCtxSynchronize");
  return driver;
}

}  // namespace dermis::gpu
