// A CUDA driver without a GPU: memory of the host, and kernels of PTX that run on the CPU. What tests_device --gpu runs
// on a device, tests_device --ptx runs here, from the very text that nvcc made.
#pragma once

#include "tests/gpu/cuda_driver.h"

namespace dermis::ptx {

// `edit` may change the text of every image before it is read: to plant a bug.
using TextEdit = std::function<void(std::string& text)>;
gpu::CudaDriver ptx_driver(TextEdit edit = {});

}  // namespace dermis::ptx
