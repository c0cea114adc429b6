#include "tests/kernels/cuda/emulated_entries.h"

#include "kernels/adamw/adamw_kernel.h"
#include "kernels/column_sum/column_sum_kernel.h"
#include "kernels/embedding/embedding_kernel.h"
#include "kernels/gated_gelu/gated_gelu_kernel.h"
#include "kernels/image_normalise/image_normalise_kernel.h"
#include "kernels/layer_norm/layer_norm_kernel.h"
#include "kernels/linear_ce/linear_ce_kernel.h"
#include "kernels/rms_norm/rms_norm_kernel.h"
#include "kernels/rope/rope_kernel.h"
#include "kernels/sampling/sampling_kernel.h"
#include "tests/kernels/cuda/emulated_gpu.h"

namespace dermis::testing {
namespace {

// f(E{}, Activation{}).
template <class F>
int for_gate(ElementType type, GateActivation activation, F f) {
  return for_element_type(type, [&]<class E>(E element) {
    return activation == GateActivation::silu ? f(element, Silu{}) : f(element, GeluTanh{});
  });
}

int column_sum(const ColumnSumParams& p) { return launch_in_emulator<ColumnSumKernel>(column_sum_launch(p), p); }

}  // namespace

DermisCudaEntries emulated_operator_entries() {
  DermisCudaEntries entries = fake_entries();
  entries.rms_norm_forward = [](const RmsNormForwardParams& p, void*) {
    return for_element_type(
        p.type, [&]<class E>(E) { return launch_in_emulator<RmsNormForwardKernel<E>>(rms_norm_forward_launch(p), p); });
  };
  entries.rms_norm_backward = [](const RmsNormBackwardParams& p, void*) {
    for_element_type(p.type, [&]<class E>(E) {
      return launch_in_emulator<RmsNormBackwardKernel<E>>(rms_norm_backward_launch(p), p);
    });
    return p.grad_weight == nullptr ? 0 : column_sum(rms_norm_weight_sum(p));
  };
  entries.layer_norm_forward = [](const LayerNormForwardParams& p, void*) {
    return for_element_type(p.type, [&]<class E>(E) {
      return launch_in_emulator<LayerNormForwardKernel<E>>(layer_norm_forward_launch(p), p);
    });
  };
  entries.layer_norm_backward = [](const LayerNormBackwardParams& p, void*) {
    for_element_type(p.type, [&]<class E>(E) {
      return launch_in_emulator<LayerNormBackwardKernel<E>>(layer_norm_backward_launch(p), p);
    });
    return p.grad_weight == nullptr ? 0 : column_sum(layer_norm_weight_sum(p));
  };
  entries.rope = [](const RopeParams& p, void*) {
    return for_element_type(
        p.type, [&]<class E>(E) { return launch_in_emulator<RopeKernel<E>>(elementwise_launch(rope_pieces(p)), p); });
  };
  entries.gelu_forward = [](const GeluForwardParams& p, void*) {
    return for_element_type(p.type, [&]<class E>(E) {
      return launch_in_emulator<GeluForwardKernel<E>>(elementwise_launch(ceil_div(p.count, kEight)), p);
    });
  };
  entries.gelu_backward = [](const GeluBackwardParams& p, void*) {
    return for_element_type(p.type, [&]<class E>(E) {
      return launch_in_emulator<GeluBackwardKernel<E>>(elementwise_launch(ceil_div(p.count, kEight)), p);
    });
  };
  entries.gated_forward = [](const GatedForwardParams& p, void*) {
    return for_gate(p.type, p.activation, [&]<class E, class Activation>(E, Activation) {
      return launch_in_emulator<GatedForwardKernel<E, Activation>>(elementwise_launch(pieces_of(p.rows, p.width)), p);
    });
  };
  entries.gated_backward = [](const GatedBackwardParams& p, void*) {
    return for_gate(p.type, p.activation, [&]<class E, class Activation>(E, Activation) {
      return launch_in_emulator<GatedBackwardKernel<E, Activation>>(elementwise_launch(pieces_of(p.rows, p.width)), p);
    });
  };
  entries.cross_entropy = [](const CrossEntropyParams& p, void*) {
    return for_element_type(p.type, [&]<class E>(E) {
      launch_in_emulator<CrossEntropySumsKernel<E>>(cross_entropy_sums_launch(p), p);
      return launch_in_emulator<CrossEntropyGradientKernel<E>>(cross_entropy_gradient_launch(p), p);
    });
  };
  entries.adamw = [](const AdamWParams& p, void*) { return launch_in_emulator<AdamWKernel>(adamw_launch(p), p); };
  entries.gradient_norm = [](const GradientNormParams& p, void*) {
    launch_in_emulator<GradientSquaresKernel>(gradient_squares_launch(p), p);
    return launch_in_emulator<GradientTotalKernel>(gradient_total_launch(), p);
  };
  entries.embedding_forward = [](const EmbeddingForwardParams& p, void*) {
    return for_element_type(p.type, [&]<class E>(E) {
      return launch_in_emulator<EmbeddingForwardKernel<E>>(elementwise_launch(embedding_forward_pieces(p)), p);
    });
  };
  entries.row_sums = [](const RowSumsParams& p, void*) {
    return for_element_type(p.type,
                            [&]<class E>(E) { return launch_in_emulator<RowSumsKernel<E>>(row_sums_launch(p), p); });
  };
  entries.image_normalise = [](const ImageNormaliseParams& p, void*) {
    return for_element_type(p.type, [&]<class E>(E) {
      return launch_in_emulator<ImageNormaliseKernel<E>>(elementwise_launch(image_normalise_pieces(p)), p);
    });
  };
  entries.sampling = [](const SamplingParams& p, void*) {
    return for_element_type(p.type,
                            [&]<class E>(E) { return launch_in_emulator<SamplingKernel<E>>(sampling_launch(p), p); });
  };
  return entries;
}

}  // namespace dermis::testing
