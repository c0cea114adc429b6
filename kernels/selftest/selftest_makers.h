// What draws the cases of each operator, and what they share.
#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <string>
#include <utility>

#include "kernels/selftest/selftest_cases.h"

namespace dermis {

// fp64 numbers that fp32 holds exactly.
at::Tensor selftest_normal(SelftestDraw& draw, at::IntArrayRef sizes, double scale = 1);
// "rows 65, width 17"
std::string selftest_shape(std::initializer_list<std::pair<const char*, int64_t>> sizes);

int64_t selftest_gpu_head_size(SelftestDraw& draw);  // one that the GPU's attention kernels take

SelftestCase make_attention_case(SelftestDraw& draw);
// attention() of one row a sequence against a cache, without autograd: the decode kernel where there is one.
SelftestCase make_attention_step_case(SelftestDraw& draw);
// Such a case, or attention_decode() of up to four tokens a sequence, of a contiguous or paged cache, with or without a
// window.
SelftestCase make_attention_decode_case(SelftestDraw& draw);

SelftestCase make_embedding_case(SelftestDraw& draw);
SelftestCase make_image_normalise_case(SelftestDraw& draw);

// How far, as a probability, each draw lies outside the share that its token has by plain arithmetic in fp64; plus one,
// so that errors are relative to one.
SelftestCase make_sampling_case(SelftestDraw& draw);

// bf16 parameters: rounded by chance, which is replayed, and with a master copy; moments in fp32.
SelftestCase make_adamw_case(SelftestDraw& draw);
SelftestCase make_gradient_norm_case(SelftestDraw& draw);

}  // namespace dermis
