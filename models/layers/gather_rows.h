#pragma once

#include <ATen/core/Tensor.h>

namespace dermis {

// x[rows], rows distinct. Differentiable in x.
at::Tensor gather_rows(const at::Tensor& x_TC, const at::Tensor& rows);

}  // namespace dermis
