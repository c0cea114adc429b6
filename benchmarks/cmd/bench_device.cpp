#include "benchmarks/cmd/bench_device.h"

#include "core/error.h"
#include "kernels/cuda/cuda_module.h"

namespace dermis {

at::Device bench_device(const std::string& name, const std::string& what) {
  if (name == "cpu" || (name == "auto" && !cuda_driver_present())) return at::kCPU;
  std::string reason;
  if (!load_torch_cuda(&reason) || cuda_module(&reason) == nullptr) {
    throw Error(ErrorKind::device, {.what = what + " cannot be timed on a GPU here",
                                    .where = "--device",
                                    .expected = "a CUDA driver, a GPU, the CUDA module and LibTorch's CUDA operators",
                                    .found = reason,
                                    .fix = "run 'dermis doctor', or pass --device cpu"});
  }
  return at::Device(at::kCUDA, 0);
}

}  // namespace dermis
