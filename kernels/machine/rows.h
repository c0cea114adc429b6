// Rows of numbers in global memory, eight at a time, and sums over the threads that share a row.
//
// A thread moves eight numbers at once: one access of 16 bytes for 16-bit numbers, two for fp32. Where rows do not
// begin at multiples of 16 bytes, or fewer than eight numbers are left, it moves them one by one; no alignment is
// required.
#pragma once

#include <type_traits>

#include "kernels/machine/matrix.h"

namespace dermis {

constexpr int kEight = 8;

// Eight numbers as they lie in memory.
template <class E>
struct Eight {
  static constexpr int kParts = sizeof(E) / 2;
  Vec16 part[kParts];

  DERMIS_DEVICE E number(int i) const {
    if constexpr (sizeof(E) == 4) {
      return __builtin_bit_cast(float, part[i / 4].word[i % 4]);
    } else {
      return E{static_cast<uint16_t>(part[0].word[i / 2] >> (16 * (i % 2)))};
    }
  }
  // Into a place that is still zero.
  DERMIS_DEVICE void set(int i, E number) {
    if constexpr (sizeof(E) == 4) {
      part[i / 4].word[i % 4] = __builtin_bit_cast(uint32_t, number);
    } else {
      part[0].word[i / 2] |= static_cast<uint32_t>(number.bits) << (16 * (i % 2));
    }
  }
};

template <class E, class M>
DERMIS_DEVICE void unpack_eight(M& m, const Eight<E>& eight, float (&x)[kEight]) {
  DERMIS_UNROLL
  for (int i = 0; i < kEight; i += 2) {
    if constexpr (sizeof(E) == 4) {
      x[i] = eight.number(i);
      x[i + 1] = eight.number(i + 1);
    } else {
      m.template unpack<E>(eight.part[0].word[i / 2], x[i], x[i + 1]);
    }
  }
}

template <class E, class M>
DERMIS_DEVICE Eight<E> pack_eight(M& m, const float (&x)[kEight]) {
  Eight<E> eight;
  DERMIS_UNROLL
  for (int i = 0; i < kEight; i += 2) {
    if constexpr (sizeof(E) == 4) {
      eight.part[i / 4].word[i % 4] = __builtin_bit_cast(uint32_t, x[i]);
      eight.part[i / 4].word[i % 4 + 1] = __builtin_bit_cast(uint32_t, x[i + 1]);
    } else {
      eight.part[0].word[i / 2] = m.template pack<E>(x[i], x[i + 1]);
    }
  }
  return eight;
}

// Numbers of one row. E may be const.
template <class E>
struct Row {
  using Number = std::remove_const_t<E>;
  E* data;
  int32_t width;
  bool aligned;  // data is a multiple of 16 bytes

  // Numbers column .. column + 7; zeros beyond the width.
  template <class M>
  DERMIS_DEVICE Eight<Number> load(M& m, int32_t column) const {
    return gather(column, [&](const auto* from) { return m.load(from); });
  }
  // The same of a row that this block, and no other, writes.
  template <class M>
  DERMIS_DEVICE Eight<Number> load_own(M& m, int32_t column) const {
    return gather(column, [&](const auto* from) { return m.load_own(from); });
  }
  template <class M>
  DERMIS_DEVICE void load(M& m, int32_t column, float (&x)[kEight]) const {
    unpack_eight(m, load(m, column), x);
  }

  // Rounds to nearest even (fp16: overflow to infinity) and returns what it stored.
  template <class M>
  DERMIS_DEVICE Eight<Number> store(M& m, int32_t column, const float (&x)[kEight]) const {
    const Eight<Number> eight = pack_eight<Number>(m, x);
    store(m, column, eight);
    return eight;
  }
  template <class M>
  DERMIS_DEVICE void store(M& m, int32_t column, const Eight<Number>& eight) const {
    if (aligned && column + kEight <= width) {
      DERMIS_UNROLL
      for (int i = 0; i < Eight<Number>::kParts; ++i) {
        m.store(reinterpret_cast<Vec16*>(data + column) + i, eight.part[i]);
      }
    } else {
      DERMIS_UNROLL
      for (int i = 0; i < kEight; ++i) {
        if (column + i < width) m.store(data + column + i, eight.number(i));
      }
    }
  }

 private:
  template <class Load>
  DERMIS_DEVICE Eight<Number> gather(int32_t column, Load load) const {
    Eight<Number> eight = {};
    if (aligned && column + kEight <= width) {
      DERMIS_UNROLL
      for (int i = 0; i < Eight<Number>::kParts; ++i) {
        eight.part[i] = load(reinterpret_cast<const Vec16*>(data + column) + i);
      }
    } else {
      DERMIS_UNROLL
      for (int i = 0; i < kEight; ++i) {
        if (column + i < width) eight.set(i, load(static_cast<const Number*>(data + column + i)));
      }
    }
    return eight;
  }
};

DERMIS_DEVICE bool is_aligned16(const void* data, int64_t stride_bytes = 0) {
  return (reinterpret_cast<uintptr_t>(data) | static_cast<uintptr_t>(stride_bytes)) % 16 == 0;
}

template <class E>
DERMIS_DEVICE Row<E> row_of(E* data, int32_t width) {
  return {data, width, is_aligned16(data)};
}

// Numbers `first` to first + 7 of an array of `count`, as a row: column 0 is number `first`.
template <class E>
DERMIS_DEVICE Row<E> piece_at(E* array, int64_t count, int64_t first) {
  const int64_t left = count - first;
  return row_of(array + first, static_cast<int32_t>(left < kEight ? left : kEight));
}

// Rows of a matrix.
template <class E>
struct Rows {
  E* data;
  int64_t stride;
  int32_t width;
  bool aligned;  // every row is

  DERMIS_DEVICE Rows(E* data, int64_t stride, int32_t width)
      : data(data), stride(stride), width(width), aligned(is_aligned16(data, stride * int64_t{sizeof(E)})) {}
  DERMIS_DEVICE Rows(const InputRows& rows, int32_t width) : Rows(static_cast<E*>(rows.data), rows.stride, width) {}
  DERMIS_DEVICE Rows(const OutputRows& rows, int32_t width) : Rows(static_cast<E*>(rows.data), rows.stride, width) {}

  DERMIS_DEVICE Row<E> row(int64_t index) const { return {data + index * stride, width, aligned}; }
  DERMIS_DEVICE explicit operator bool() const { return data != nullptr; }
};

// Numbers of an array whose type is known at run time. f(array) with its pointer as that of its elements.
template <class F>
DERMIS_DEVICE void with_type(ElementType type, const void* data, F f) {
  switch (type) {
    case ElementType::fp32: f(static_cast<const float*>(data)); break;
    case ElementType::bf16: f(static_cast<const Bf16*>(data)); break;
    case ElementType::fp16: f(static_cast<const Fp16*>(data)); break;
  }
}
// Numbers `first` to first + 7 of [count]; zeros beyond.
template <class M>
DERMIS_DEVICE void load_numbers(M& m, ElementType type, const void* data, int64_t count, int64_t first,
                                float (&x)[kEight]) {
  with_type(type, data, [&](const auto* array) { piece_at(array, count, first).load(m, 0, x); });
}

// A record of a table in global memory.
template <class T, class M>
DERMIS_DEVICE T load_record(M& m, const T* from) {
  static_assert(alignof(T) == 16 && std::is_trivially_copyable_v<T>);
  constexpr int kWords = sizeof(T) / 16;
  struct Words {
    Vec16 part[kWords];
  } words;
  DERMIS_UNROLL
  for (int i = 0; i < kWords; ++i) words.part[i] = m.load(reinterpret_cast<const Vec16*>(from) + i);
  return __builtin_bit_cast(T, words);
}

// f(E{}) with the type of the elements; what launchers choose an instantiation with.
template <class F>
int for_element_type(ElementType type, F f) {
  switch (type) {
    case ElementType::bf16: return f(Bf16{});
    case ElementType::fp16: return f(Fp16{});
    default: return f(float{});
  }
}

// In all lanes, added in the same order everywhere.
template <class M>
DERMIS_DEVICE float warp_sum(M& m, float x) {
  DERMIS_UNROLL
  for (int distance = kWarpSize / 2; distance > 0; distance /= 2) x += m.shuffle_xor(x, distance);
  return x;
}
template <class M>
DERMIS_DEVICE float warp_max(M& m, float x) {
  DERMIS_UNROLL
  for (int distance = kWarpSize / 2; distance > 0; distance /= 2) {
    const float other = m.shuffle_xor(x, distance);
    x = other > x ? other : x;
  }
  return x;
}

}  // namespace dermis
