// Compiled kernels in a file, as nvcc puts them there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dermis::gpu {

// Each is an image that cuModuleLoadData takes: one for every .cu file. `file` is a shared library that nvcc linked
// (section .nv_fatbin) or what nvcc -fatbin wrote. Throws Error(data) when there is none in it.
std::vector<std::vector<uint8_t>> kernel_images(const std::string& file);

}  // namespace dermis::gpu
