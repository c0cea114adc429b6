// What attention refuses, shared by its paths.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/attention/attention.h"

namespace dermis {

// Throws Error(usage) naming all shapes, dtypes and devices when they do not fit each other or the visible keys.
void check_attention(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                     const VisibleKeys& visible, const AttentionOptions& options);

// Of the above, what concerns the options alone.
void check_attention_options(const char* op, const AttentionOptions& options);

// options.scale, or 1 / sqrt(D) when it is 0.
double attention_scale(const at::Tensor& q_THD, const AttentionOptions& options);

}  // namespace dermis
