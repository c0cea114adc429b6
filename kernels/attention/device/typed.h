// From parameters without an element type, as launchers take them, to those of kernels.
#pragma once

#include "kernels/attention/device/decode_launch.h"
#include "kernels/attention/device/params.h"

namespace dermis {

template <class E, class X>
TokenHeads<E> as_elements(const TokenHeads<X>& x) {
  return {static_cast<E*>(x.data), x.token_stride, x.head_stride};
}

template <class E>
AttentionForwardParams<E> typed(const AttentionForwardParams<void>& p) {
  return {.q = as_elements<const E>(p.q),
          .k = as_elements<const E>(p.k),
          .v = as_elements<const E>(p.v),
          .o = as_elements<E>(p.o),
          .lse = p.lse,
          .visible = p.visible,
          .tile_order = p.tile_order,
          .T = p.T,
          .S = p.S,
          .H = p.H,
          .G = p.G,
          .scale = p.scale,
          .softcap = p.softcap};
}

template <class E>
AttentionBackwardParams<E> typed(const AttentionBackwardParams<void>& p) {
  return {.q = as_elements<const E>(p.q),
          .k = as_elements<const E>(p.k),
          .v = as_elements<const E>(p.v),
          .o = as_elements<const E>(p.o),
          .grad_o = as_elements<const E>(p.grad_o),
          .grad_q = as_elements<E>(p.grad_q),
          .grad_k = as_elements<E>(p.grad_k),
          .grad_v = as_elements<E>(p.grad_v),
          .lse = p.lse,
          .statistics = p.statistics,
          .visible = p.visible,
          .row_tile_order = p.row_tile_order,
          .key_tile_order = p.key_tile_order,
          .T = p.T,
          .S = p.S,
          .H = p.H,
          .G = p.G,
          .scale = p.scale,
          .softcap = p.softcap};
}

template <class E>
KeyCache<E> as_elements(const KeyCache<void>& x) {
  return {static_cast<const E*>(x.data), x.block_stride, x.token_stride, x.head_stride};
}

template <class E>
AttentionDecodeParams<E> typed(const AttentionDecodeParams<void>& p) {
  return {.q = as_elements<const E>(p.q),
          .o = as_elements<E>(p.o),
          .lse = p.lse,
          .k = as_elements<E>(p.k),
          .v = as_elements<E>(p.v),
          .page_table = p.page_table,
          .key_begin = p.key_begin,
          .key_end = p.key_end,
          .partials = p.partials,
          .tickets = p.tickets,
          .sequences = p.sequences,
          .tokens = p.tokens,
          .max_pages = p.max_pages,
          .H = p.H,
          .G = p.G,
          .splits = p.splits,
          .window = p.window,
          .scale = p.scale,
          .softcap = p.softcap};
}

}  // namespace dermis
