#include "kernels/attention/attention_decode.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "core/error.h"
#include "kernels/attention/attention_checks.h"
#include "kernels/attention/attention_cuda.h"
#include "kernels/operand/index_tensor.h"
#include "kernels/operand/operand.h"

namespace dermis {
namespace {

constexpr const char* kName = "attention_decode";

void check_shapes(const at::Tensor& q_BNHD, const at::Tensor& k_cache, const at::Tensor& v_cache,
                  const CachedSequences& sequences) {
  const auto fits = [](bool fits, const char* operand, const char* expected, const at::Tensor& found) {
    check_operand(fits, kName, operand, expected, found);
  };
  fits(q_BNHD.defined() && q_BNHD.dim() == 4 && q_BNHD.is_floating_point(), "q",
       "[B, N, H, D] of fp32, fp64, bf16 or fp16", q_BNHD);
  fits(k_cache.defined() && k_cache.dim() == 4, "k", "[B, S_max, G, D] or [pages, 64, G, D]", k_cache);
  fits(v_cache.defined() && v_cache.sizes() == k_cache.sizes(), "v", "the shape of k", v_cache);
  for (const auto& [name, cache] : {std::pair("k", &k_cache), std::pair("v", &v_cache)}) {
    fits(cache->scalar_type() == q_BNHD.scalar_type(), name, "the dtype of q", *cache);
    fits(cache->device() == q_BNHD.device(), name, "the device of q", *cache);
  }
  fits(q_BNHD.size(3) > 0 && k_cache.size(3) == q_BNHD.size(3), "k", "the head size of q, above 0", k_cache);
  fits(k_cache.size(2) > 0 && q_BNHD.size(2) % k_cache.size(2) == 0, "k", "G > 0 of which q's H is a multiple",
       k_cache);
  if (q_BNHD.size(0) != sequences.count()) {
    fail_operand(kName, "q", fmt::format("{} sequences, as there are lengths", sequences.count()), describe(q_BNHD));
  }
  fits(q_BNHD.size(1) > 0, "q", "one or more tokens a sequence", q_BNHD);
  if (sequences.is_paged()) fits(k_cache.size(1) == kPageTokens, "k", "pages of 64 tokens", k_cache);
  if (!sequences.is_paged()) fits(k_cache.size(0) == q_BNHD.size(0), "k", "a block for every sequence of q", k_cache);
}

// The first token that the first query token sees.
int32_t first_read(const CachedSequences& sequences, int64_t b, int64_t tokens, int32_t window) {
  const int64_t seen = sequences.length(b) - (tokens - 1);
  return window > 0 ? static_cast<int32_t>(std::max<int64_t>(0, seen - window)) : 0;
}

// Tokens that will be read must lie in the cache.
void check_sequences(const at::Tensor& q_BNHD, const at::Tensor& k_cache, const CachedSequences& sequences,
                     int32_t window) {
  const int64_t tokens = q_BNHD.size(1), pages = k_cache.size(0);
  for (int64_t b = 0; b < sequences.count(); ++b) {
    const int32_t length = sequences.length(b);
    const auto refuse = [&](const char* what, const std::string& expected, const std::string& found, const char* fix) {
      throw Error(ErrorKind::usage, {.what = fmt::format("{}: {}", kName, what),
                                     .where = fmt::format("sequence {} of {} tokens", b, length),
                                     .expected = expected,
                                     .found = found,
                                     .fix = fix});
    };
    if (length < tokens)
      refuse("a sequence has fewer tokens than queries", fmt::format("{} tokens or more", tokens),
             fmt::format("{}", length), "put the query tokens' keys into the cache first, and count them");
    if (!sequences.is_paged()) {
      if (length > k_cache.size(1))
        refuse("a sequence is longer than the cache", fmt::format("at most {} tokens", k_cache.size(1)),
               fmt::format("{}", length), "make the cache longer");
      continue;
    }
    const int64_t last = (length - 1) / kPageTokens;
    for (int64_t i = first_read(sequences, b, tokens, window) / kPageTokens; i <= last; ++i) {
      if (const int32_t page = sequences.page(b, i); page < 0 || page >= pages)
        refuse("the page table leaves the cache", fmt::format("pages 0 to {}", pages - 1),
               fmt::format("page {} for tokens {} to {}", page, i * kPageTokens,
                           std::min<int64_t>((i + 1) * kPageTokens, length) - 1),
               "give every token that the step reads a page");
    }
  }
}

void check_options(const AttentionDecodeOptions& options) {
  check_attention_options(kName, {options.scale, options.softcap});
  if (options.window < 0)
    throw Error(ErrorKind::usage, {.what = fmt::format("{}: the window is below 0", kName),
                                   .where = "options.window",
                                   .expected = "0 (none), or the number of tokens that a token sees",
                                   .found = fmt::format("{}", options.window)});
}

AttentionResult gathered(const at::Tensor& q_THD, int64_t tokens, const at::Tensor& k_cache, const at::Tensor& v_cache,
                         const CachedSequences& sequences, const AttentionDecodeOptions& options) {
  std::vector<int64_t> blocks, rows;
  std::vector<int32_t> keys;  // of each sequence
  for (int64_t b = 0; b < sequences.count(); ++b) {
    const int32_t first = first_read(sequences, b, tokens, options.window);
    for (int32_t token = first; token < sequences.length(b); ++token) {
      const auto [block, row] = sequences.place(b, token);
      blocks.push_back(block);
      rows.push_back(row);
    }
    keys.push_back(sequences.length(b) - first);
  }
  VisibleKeys visible =
      VisibleKeys::packed_cached(std::vector<int32_t>(keys.size(), static_cast<int32_t>(tokens)), keys);
  if (options.window > 0) visible = visible.windowed(options.window);
  const std::optional<at::Tensor> at_blocks = index_tensor(blocks, q_THD.device()),
                                  at_rows = index_tensor(rows, q_THD.device());
  const auto read = [&](const at::Tensor& cache) { return at::index(cache, {at_blocks, at_rows}); };
  return attention_forward(q_THD, read(k_cache), read(v_cache), visible, {options.scale, options.softcap});
}

}  // namespace

AttentionDecodeResult attention_decode(const at::Tensor& q_BNHD, const at::Tensor& k_cache, const at::Tensor& v_cache,
                                       const CachedSequences& sequences, const AttentionDecodeOptions& options) {
  check_shapes(q_BNHD, k_cache, v_cache, sequences);
  check_options(options);
  check_sequences(q_BNHD, k_cache, sequences, options.window);
  const at::NoGradGuard no_grad;
  const int64_t B = q_BNHD.size(0), N = q_BNHD.size(1), H = q_BNHD.size(2), D = q_BNHD.size(3);
  const at::Tensor q_THD = q_BNHD.reshape({B * N, H, D});
  const CudaModule* module = attention_module(kName, q_THD);
  const AttentionResult result = module != nullptr
                                     ? attention_cuda_decode(*module, q_THD, N, k_cache, v_cache, sequences, options)
                                     : gathered(q_THD, N, k_cache, v_cache, sequences, options);
  return {result.o_THD.view({B, N, H, D}), result.lse_HT.reshape({H, B, N})};
}

}  // namespace dermis
