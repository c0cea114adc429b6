// How far results are from what they should be.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

namespace dermis {

// Largest difference relative to the largest number of the expected tensor, over all tensors; NaN when one holds a NaN.
double relative_error(const std::vector<at::Tensor>& found, const std::vector<at::Tensor>& expected);

// Runs what one contender does: "", or the first line of why it failed, which is no one else's failure. An interrupt
// passes.
std::string failure_of(const std::function<void()>& step);

}  // namespace dermis
