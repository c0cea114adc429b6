#include "kernels/attention/attention_checks.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>

#include "core/error.h"

namespace dermis {

namespace {

std::string describe(const char* name, const at::Tensor& x) {
  if (!x.defined()) return fmt::format("{} undefined", name);
  std::string shape;
  for (const int64_t size : x.sizes()) shape += (shape.empty() ? "" : ", ") + std::to_string(size);
  return fmt::format("{} [{}] {} on {}", name, shape, at::toString(x.scalar_type()), x.device().str());
}

}  // namespace

double attention_scale(const at::Tensor& q_THD, const AttentionOptions& options) {
  return options.scale != 0 ? options.scale : 1.0 / std::sqrt(static_cast<double>(q_THD.size(2)));
}

void check_attention(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                     const VisibleKeys& visible, const AttentionOptions& options) {
  const auto refuse = [&](const char* what, const char* expected) {
    throw Error(ErrorKind::usage, {.what = what,
                                   .where = "attention",
                                   .expected = expected,
                                   .found = fmt::format("{}, {}, {}, visible keys of {} rows and {} keys",
                                                        describe("q", q_THD), describe("k", k_SGD),
                                                        describe("v", v_SGD), visible.row_count(), visible.key_count()),
                                   .fix = "check which tensor was reshaped or moved differently from the others"});
  };
  for (const at::Tensor* x : {&q_THD, &k_SGD, &v_SGD}) {
    if (!x->defined() || x->dim() != 3)
      refuse("attention takes three-dimensional tensors", "q [T, H, D], k and v [S, G, D]");
    if (!x->is_floating_point()) refuse("attention takes floating-point tensors", "fp32, fp64, bf16 or fp16");
  }
  if (k_SGD.sizes() != v_SGD.sizes()) refuse("keys and values differ in shape", "k and v of one shape [S, G, D]");
  if (q_THD.size(2) != k_SGD.size(2) || q_THD.size(2) == 0) {
    refuse("queries and keys differ in head size", "one head size D > 0 for q, k and v");
  }
  if (k_SGD.size(1) == 0 || q_THD.size(1) % k_SGD.size(1) != 0) {
    refuse("query heads are no multiple of key/value heads", "H = n * G with G > 0");
  }
  if (q_THD.scalar_type() != k_SGD.scalar_type() || q_THD.scalar_type() != v_SGD.scalar_type()) {
    refuse("attention inputs differ in dtype", "one dtype for q, k and v");
  }
  if (q_THD.device() != k_SGD.device() || q_THD.device() != v_SGD.device()) {
    refuse("attention inputs lie on different devices", "one device for q, k and v");
  }
  if (visible.row_count() != q_THD.size(0) || visible.key_count() != k_SGD.size(0)) {
    refuse("visible keys do not fit queries and keys", "T rows and S keys");
  }
  check_attention_options("attention", options);
}

void check_attention_options(const char* op, const AttentionOptions& options) {
  if (std::isfinite(options.scale) && std::isfinite(options.softcap) && options.softcap >= 0) return;
  throw Error(ErrorKind::usage, {.what = "attention options are out of range",
                                 .where = op,
                                 .expected = "a finite scale and a softcap of 0 (none) or more",
                                 .found = fmt::format("scale {}, softcap {}", options.scale, options.softcap)});
}

}  // namespace dermis
