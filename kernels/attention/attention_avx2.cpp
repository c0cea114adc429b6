#include "kernels/attention/attention_backward_inl.h"
#include "kernels/attention/attention_forward_inl.h"

namespace dermis {

const AttentionKernels kAttentionAvx2{kPanel,  kStrip,           pack_natural, pack_transposed, forward_scratch,
                                      forward, backward_scratch, backward,     write_key_sums};

}  // namespace dermis
