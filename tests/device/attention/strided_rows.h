// [tokens, heads, D] tensors as they come: contiguous, slices of something wider, or a head at a time. Whatever is not
// an element is NaN, so that a kernel that reads it shows, and is compared afterwards, so that a kernel that writes it
// shows too.
#pragma once

#include "kernels/attention/device/params.h"
#include "tests/device/attention/attention_reference.h"

namespace dermis::testing {

enum class Layout { contiguous, sliced, head_major };

template <class E>
class StridedRows {
 public:
  // All NaN: an output that is not written shows.
  StridedRows(int64_t tokens, int64_t heads, int64_t D, Layout layout) : tokens_(tokens), heads_(heads), D_(D) {
    switch (layout) {
      case Layout::contiguous: head_stride_ = D, token_stride_ = heads * D; break;
      case Layout::sliced: head_stride_ = D + 8, token_stride_ = heads * head_stride_ + 24; break;
      case Layout::head_major: token_stride_ = D, head_stride_ = (tokens + 1) * D; break;
    }
    storage_.assign(static_cast<size_t>(std::max(tokens * token_stride_, heads * head_stride_) + 8), kNaN);
  }
  StridedRows(const std::vector<double>& values, int64_t tokens, int64_t heads, int64_t D, Layout layout)
      : StridedRows(tokens, heads, D, layout) {
    for_each([&](size_t element, size_t at) { storage_[at] = to_element<E>(values[element]); });
  }

  TokenHeads<const E> view() const { return {storage_.data(), token_stride_, head_stride_}; }
  TokenHeads<E> writable() { return {storage_.data(), token_stride_, head_stride_}; }
  std::vector<E>& storage() { return storage_; }

  std::vector<double> values() const {
    std::vector<double> values(static_cast<size_t>(tokens_ * heads_ * D_));
    for_each([&](size_t element, size_t at) { values[element] = to_double(storage_[at]); });
    return values;
  }
  bool gaps_untouched() const {
    std::vector<E> rest = storage_;
    for_each([&](size_t, size_t at) { rest[at] = kNaN; });
    return std::all_of(rest.begin(), rest.end(), [](E x) { return x.bits == kNaN.bits; });
  }

 private:
  static constexpr E kNaN{0x7fff};

  template <class Visit>
  void for_each(Visit visit) const {
    size_t element = 0;
    for (int64_t t = 0; t < tokens_; ++t) {
      for (int64_t h = 0; h < heads_; ++h) {
        for (int64_t d = 0; d < D_; ++d)
          visit(element++, static_cast<size_t>(t * token_stride_ + h * head_stride_ + d));
      }
    }
  }

  int64_t tokens_, heads_, D_, token_stride_ = 0, head_stride_ = 0;
  std::vector<E> storage_;
};

}  // namespace dermis::testing
