// [tokens, heads, D] tensors of an emulated device as they come: contiguous, slices of something wider, or a head at a
// time. What lies between the elements is NaN in inputs, so that a kernel that reads it shows, and must stay unwritten
// in outputs.
#pragma once

#include "kernels/attention/device/params.h"
#include "tests/device/attention/attention_reference.h"
#include "tests/emulator/device_buffer.h"

namespace dermis::testing {

enum class Layout { contiguous, sliced, head_major };

template <class E>
class StridedRows {
 public:
  // An output: nothing is written yet.
  StridedRows(EmulatedDevice& device, int64_t tokens, int64_t heads, int64_t D, Layout layout)
      : tokens_(tokens),
        heads_(heads),
        D_(D),
        head_stride_(layout == Layout::contiguous ? D
                     : layout == Layout::sliced   ? D + 8
                                                  : (tokens + 1) * D),
        token_stride_(layout == Layout::contiguous ? heads * D
                      : layout == Layout::sliced   ? heads * (D + 8) + 24
                                                   : D),
        buffer_(device, static_cast<size_t>(std::max(tokens * token_stride_, heads * head_stride_) + 8)) {}
  // An input.
  StridedRows(EmulatedDevice& device, const std::vector<double>& values, int64_t tokens, int64_t heads, int64_t D,
              Layout layout)
      : StridedRows(device, tokens, heads, D, layout) {
    std::vector<E> storage(buffer_.size(), E{0x7fff});
    for_each([&](size_t element, size_t at) { storage[at] = to_element<E>(values[element]); });
    buffer_.upload(storage);
  }

  TokenHeads<const E> view() const { return {buffer_.data(), token_stride_, head_stride_}; }
  TokenHeads<E> writable() { return {buffer_.data(), token_stride_, head_stride_}; }

  std::vector<double> values() const {
    const std::vector<E> storage = buffer_.download();
    std::vector<double> values(static_cast<size_t>(tokens_ * heads_ * D_));
    for_each([&](size_t element, size_t at) { values[element] = to_double(storage[at]); });
    return values;
  }
  // Every element is written and nothing else (elements that were missed would make up for gaps, but they are NaN).
  bool exactly_elements_written() const {
    return buffer_.unwritten() == buffer_.size() - static_cast<size_t>(tokens_ * heads_ * D_);
  }

 private:
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

  int64_t tokens_, heads_, D_, head_stride_, token_stride_;
  DeviceBuffer<E> buffer_;
};

}  // namespace dermis::testing
