// PTX text beside machine code, where nvcc puts it for GPUs that it has no machine code for.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace dermis::ptx {

// `parts` of an image (tests/gpu/kernel_images.h). Throws Error(data) when there is none.
std::string ptx_in(std::span<const uint8_t> parts);

}  // namespace dermis::ptx
