#include "benchmarks/attention/workload.h"

#include <fmt/format.h>

#include <algorithm>

namespace dermis {
namespace {

struct Heads {
  int64_t query, key, size;
};

AttentionWorkload same(const char* name, MaskKind mask, size_t count, int32_t length, Heads heads) {
  AttentionWorkload w;
  w.name = name;
  w.mask = mask;
  w.lengths.assign(count, length);
  w.heads = heads.query;
  w.kv_heads = heads.key;
  w.head_size = heads.size;
  return w;
}

AttentionWorkload prefix_lm(const char* name, size_t count, int32_t length, int32_t prefix, Heads heads) {
  AttentionWorkload w = same(name, MaskKind::prefix_lm, count, length, heads);
  w.prefixes.assign(count, prefix);
  return w;
}

AttentionWorkload windowed(const char* name, size_t count, int32_t length, int32_t window, Heads heads) {
  AttentionWorkload w = same(name, MaskKind::window, count, length, heads);
  w.window = window;
  return w;
}

// Gemma 3: an image of 256 tokens every 1,024 tokens of a sequence, seen both ways; text between.
AttentionWorkload with_images(const char* name, size_t count, int32_t length, int32_t window, Heads heads) {
  AttentionWorkload w = same(name, MaskKind::blocks, count, length, heads);
  w.window = window;
  const auto total = static_cast<int32_t>(count) * length;
  for (int32_t at = 16; at + 256 <= total; at += 1024) w.blocks.push_back({at, at + 256});
  return w;
}

// Lengths that spread evenly from `shortest`, in an order that is not sorted.
AttentionWorkload mixed(const char* name, MaskKind mask, int32_t count, int32_t shortest, int32_t step, Heads heads) {
  AttentionWorkload w = same(name, mask, 0, 0, heads);
  for (int32_t i = 0; i < count; ++i) w.lengths.push_back(shortest + step * (i * 7 % count));
  return w;
}

AttentionWorkload mixed_prefix_lm(const char* name, int32_t count, int32_t shortest, int32_t step, int32_t answer,
                                  Heads heads) {
  AttentionWorkload w = mixed(name, MaskKind::prefix_lm, count, shortest, step, heads);
  for (const int32_t length : w.lengths) w.prefixes.push_back(length - answer);
  return w;
}

AttentionWorkload cached(const char* name, size_t count, int32_t length, Heads heads, int32_t window, bool paged) {
  AttentionWorkload w = same(name, MaskKind::cached, count, length, heads);
  w.window = window;
  w.paged = paged;
  return w;
}

AttentionWorkload capped(AttentionWorkload w, double softcap) {
  w.softcap = softcap;
  return w;
}

}  // namespace

VisibleKeys AttentionWorkload::visible() const {
  switch (mask) {
    case MaskKind::full: return VisibleKeys::packed_full(lengths);
    case MaskKind::causal: return VisibleKeys::packed_causal(lengths);
    case MaskKind::prefix_lm: return VisibleKeys::packed_prefix_lm(lengths, prefixes);
    case MaskKind::window: return VisibleKeys::packed_causal(lengths).windowed(window);
    case MaskKind::blocks: return VisibleKeys::packed_blocks(lengths, lengths, blocks, window);
    case MaskKind::cached: break;
  }
  const VisibleKeys all = VisibleKeys::packed_cached(std::vector<int32_t>(lengths.size(), 1), lengths);
  return window > 0 ? all.windowed(window) : all;
}

bool AttentionWorkload::uniform() const {
  const auto equal = [](const std::vector<int32_t>& x) {
    return std::adjacent_find(x.begin(), x.end(), std::not_equal_to<>()) == x.end();
  };
  return equal(lengths) && equal(prefixes);
}

int32_t AttentionWorkload::longest() const { return *std::max_element(lengths.begin(), lengths.end()); }

std::string AttentionWorkload::title() const {
  return fmt::format("{}: {} x {}{} tokens, hd {}, heads {}:{}", name, sequences(), uniform() ? "" : "up to ",
                     longest(), head_size, heads, kv_heads);
}

double AttentionWorkload::forward_flops() const {
  return 4.0 * static_cast<double>(heads * head_size) * static_cast<double>(visible().area());
}
double AttentionWorkload::backward_flops() const { return 2.5 * forward_flops(); }

double AttentionWorkload::cache_bytes(int64_t element_size) const {
  return 2.0 * static_cast<double>(visible().area() * kv_heads * head_size * element_size);
}

std::vector<AttentionWorkload> cpu_attention_workloads() {
  return {prefix_lm("prefix-lm", 1, 1152, 1056, {8, 1, 256}),   mixed_prefix_lm("packed", 16, 65, 2, 24, {8, 8, 64}),
          windowed("window", 1, 2048, 1024, {8, 4, 256}),       prefix_lm("nano", 16, 112, 88, {6, 2, 32}),
          same("tower-64", MaskKind::full, 64, 64, {4, 4, 32}), same("tower-196", MaskKind::full, 16, 196, {6, 6, 64})};
}

std::vector<AttentionWorkload> gpu_attention_workloads() {
  constexpr Heads kSiglip{16, 16, 72}, kPaliGemma{8, 1, 256}, kGemma3{8, 4, 256}, kLlama{32, 8, 128};
  return {same("siglip-256", MaskKind::full, 64, 256, kSiglip),
          same("siglip-1024", MaskKind::full, 16, 1024, kSiglip),
          same("siglip-4096", MaskKind::full, 4, 4096, kSiglip),
          same("siglip-base", MaskKind::full, 64, 196, {12, 12, 64}),
          prefix_lm("prefix-lm-1k", 8, 1152, 1056, kPaliGemma),
          prefix_lm("prefix-lm-4k", 2, 4224, 4128, kPaliGemma),
          mixed_prefix_lm("prefix-lm-packed", 32, 288, 14, 64, kPaliGemma),
          with_images("gemma3-local", 2, 4096, 1024, kGemma3),
          with_images("gemma3-global", 2, 4096, 0, kGemma3),
          capped(same("gemma2-softcap", MaskKind::causal, 2, 4096, kGemma3), 50),
          same("causal-2k", MaskKind::causal, 4, 2048, kLlama),
          same("causal-8k", MaskKind::causal, 1, 8192, kLlama),
          windowed("window-8k", 1, 8192, 1024, kLlama),
          mixed("causal-packed", MaskKind::causal, 48, 96, 10, kLlama),
          same("decode-1-1k", MaskKind::cached, 1, 1024, kPaliGemma),
          same("decode-1-4k", MaskKind::cached, 1, 4096, kPaliGemma),
          same("decode-32-4k", MaskKind::cached, 32, 4096, kLlama),
          cached("decode-32-4k-paged", 32, 4096, kLlama, /*window=*/0, /*paged=*/true),
          cached("decode-32-8k-window", 32, 8192, kGemma3, /*window=*/1024, /*paged=*/false)};
}

}  // namespace dermis
