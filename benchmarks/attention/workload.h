// What attention is timed on: masks, head counts and sizes of vision-language models.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/visible_keys/visible_keys.h"

namespace dermis {

enum class MaskKind { full, causal, prefix_lm, window, blocks, cached };

struct AttentionWorkload {
  std::string name;
  MaskKind mask = MaskKind::full;
  std::vector<int32_t> lengths;   // tokens (keys) a packed sequence
  std::vector<int32_t> prefixes;  // prefix_lm: tokens of each sequence that see each other both ways
  std::vector<KeyBlock> blocks;   // blocks: image tokens, on the packed axis
  int32_t window = 0;             // window, blocks and cached: 0: none
  bool paged = false;             // cached: keys lie in pages of 64 tokens, in any order
  int64_t heads = 1, kv_heads = 1, head_size = 64;
  double softcap = 0;

  VisibleKeys visible() const;
  bool uniform() const;  // all sequences of one length, and one prefix
  int64_t sequences() const { return static_cast<int64_t>(lengths.size()); }
  int32_t longest() const;
  std::string title() const;      // "name: 8 x 1152 tokens, hd 256, heads 8:1"
  double forward_flops() const;   // 4 heads head_size pairs that are visible: none for masked or padded ones
  double backward_flops() const;  // 2.5 times as many: five products where the forward pass has two
  double cache_bytes(int64_t element_size) const;  // cached: keys and values that are visible: what decode reads
};

std::vector<AttentionWorkload> cpu_attention_workloads();
std::vector<AttentionWorkload> gpu_attention_workloads();

}  // namespace dermis
