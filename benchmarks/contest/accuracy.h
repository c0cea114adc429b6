// How far results are from what they should be.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace dermis {

// Largest difference relative to the largest number of the expected tensor, over all tensors; NaN when one holds a NaN.
double relative_error(const std::vector<at::Tensor>& found, const std::vector<at::Tensor>& expected);

// The first line of what a library says.
std::string first_line(const std::string& text);

}  // namespace dermis
