#include "kernels/layer_norm/layer_norm_inl.h"

namespace dermis {

const LayerNormKernels kLayerNormAvx512 = {layer_norm_forward, layer_norm_backward};

}  // namespace dermis
