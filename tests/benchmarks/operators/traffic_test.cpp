// What compiled kernels ask of memory (tests/ptx/traffic.h), against the bytes that the benchmark says must move: what
// bounds an operator on a GPU is known before one is there.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "benchmarks/operators/rows.h"
#include "kernels/attention/attention.h"
#include "tests/kernels/cuda/compiled_gpu.h"

namespace dermis {
namespace {

// The widths of PaliGemma 3B, of fewer rows.
constexpr OperatorSizes kSizes{.tokens = 192,
                               .width = 2048,
                               .heads = 8,
                               .head_size = 256,
                               .gate_tokens = 32,
                               .gate_width = 4096,
                               .patches = 192,
                               .tower_width = 1152,
                               .tower_hidden = 4304,
                               .image_tokens = 96,
                               .vocabulary = 1000,
                               .word_width = 512,
                               .label_rows = 64,
                               .tensors = 4,
                               .numbers = 1 << 15,
                               .gradients = 8,
                               .sampled_rows = 2,
                               .logit_count = 1 << 15,
                               .images = 4,
                               .image_size = 112};

template <class F>
ptx::Traffic traffic_of(F f) {
  ptx::Traffic traffic;
  testing::count_traffic(&traffic);
  f();
  testing::count_traffic(nullptr);
  return traffic;
}

TEST(OperatorTraffic, IsWhatMustMove) {
  DERMIS_COMPILED_GPU(gpu);
  OperatorSetting setting;
  setting.dtype = at::kBFloat16;
  setting.sizes = kSizes;
  setting.module = testing::compiled_module();
  // Read their rows up to five times, from the cache.
  const std::set<std::string> several_passes{"sampling_top_k", "sampling_top_p"};
  for (const OperatorRow& row : all_operator_rows(setting)) {
    const std::string name = row.op + ", " + row.pass + ", " + row.dtype;
    const OperatorCase work = row.make();
    const auto run = [&] { work.contenders.front().run(0); };
    run();  // tables that are made once
    const ptx::Traffic found = traffic_of(run);
    if (found.launches == 0) continue;
    // The backward passes of the norms leave partial sums of the weights' gradients, in some tens of rows.
    const double moved = static_cast<double>(found.loaded_bytes + found.stored_bytes);
    EXPECT_LE(moved, work.bytes * (row.op.find("norm") != std::string::npos && row.pass == "backward" ? 1.35 : 1.005))
        << name;
    if (several_passes.contains(row.op)) {
      EXPECT_LE(static_cast<double>(found.lane_bytes), 5.05 * work.bytes) << name;
      continue;
    }
    EXPECT_GE(static_cast<double>(found.lane_bytes), 0.98 * static_cast<double>(found.sector_bytes))
        << name << ": lanes' bytes do not lie side by side";
    EXPECT_EQ(found.shared_passes, found.shared_least) << name << ": bank conflicts";
  }
}

TEST(AttentionTraffic, LanesNeverMeetInABank) {
  DERMIS_COMPILED_GPU(gpu);
  constexpr int64_t T = 192, H = 4, G = 1;
  const auto options = at::TensorOptions().dtype(at::kBFloat16);
  const auto visible =
      std::make_shared<const VisibleKeys>(VisibleKeys::packed_causal(std::vector<int32_t>{static_cast<int32_t>(T)}));
  for (const int64_t head_size : {64, 72, 128, 256}) {
    const at::Tensor q = at::randn({T, H, head_size}, options).requires_grad_();
    const at::Tensor k = at::randn({T, G, head_size}, options).requires_grad_();
    const at::Tensor v = at::randn({T, G, head_size}, options).requires_grad_();
    at::Tensor o;
    const ptx::Traffic forward = traffic_of([&] { o = attention(q, k, v, visible); });
    const at::Tensor grad_o = at::randn({T, H, head_size}, options);
    const ptx::Traffic backward = traffic_of([&] { o.backward(grad_o); });
    EXPECT_GT(forward.shared_least, 0U);
    EXPECT_EQ(forward.shared_passes, forward.shared_least) << head_size;
    EXPECT_EQ(backward.shared_passes, backward.shared_least) << head_size;
    // Every tensor once; the rows of the last block are padded.
    const auto bytes = static_cast<double>(2 * head_size * T * (2 * H + 2 * G));
    EXPECT_LE(static_cast<double>(forward.loaded_bytes + forward.stored_bytes), 1.05 * bytes) << head_size;
  }
}

}  // namespace
}  // namespace dermis
