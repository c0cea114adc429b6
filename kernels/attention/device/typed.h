// From parameters without an element type, as launchers take them, to those of kernels.
#pragma once

#include "kernels/attention/device/params.h"

namespace dermis {

template <class E, class X>
TokenHeads<E> as_elements(const TokenHeads<X>& x) {
  return {static_cast<E*>(x.data), x.token_stride, x.head_stride};
}

}  // namespace dermis
