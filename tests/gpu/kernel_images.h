// Compiled kernels in a file, as nvcc puts them there.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dermis::gpu {

// Each is an image that cuModuleLoadData takes: one for every .cu file. `file` is a shared library that nvcc linked
// (section .nv_fatbin) or what nvcc -fatbin wrote. Throws Error(data) when there is none in it.
std::vector<std::vector<uint8_t>> kernel_images(const std::string& file);

// Those of the CUDA module and of the compiled probes, which lie beside the program or one folder up.
std::vector<std::vector<uint8_t>> images_of_this_build();

// What follows the header of an image: parts, each for one kind of GPU, with a header of their own.
std::span<const uint8_t> image_parts(const void* image);

}  // namespace dermis::gpu
