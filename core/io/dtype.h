// Element types of stored tensors, named as in safetensors.
#pragma once

#include <cstddef>

#include "core/enum_traits.h"

namespace dermis {

// Ordered as the safetensors writer orders them: alignment first, largest last.
enum class DType { bool8, u8, i8, f8_e5m2, f8_e4m3, i16, u16, f16, bf16, i32, u32, f32, f64, i64, u64 };

template <>
struct EnumTraits<DType> {
  static constexpr EnumNames<DType, 15> kNames{{{DType::bool8, "BOOL"},
                                                {DType::u8, "U8"},
                                                {DType::i8, "I8"},
                                                {DType::f8_e5m2, "F8_E5M2"},
                                                {DType::f8_e4m3, "F8_E4M3"},
                                                {DType::i16, "I16"},
                                                {DType::u16, "U16"},
                                                {DType::f16, "F16"},
                                                {DType::bf16, "BF16"},
                                                {DType::i32, "I32"},
                                                {DType::u32, "U32"},
                                                {DType::f32, "F32"},
                                                {DType::f64, "F64"},
                                                {DType::i64, "I64"},
                                                {DType::u64, "U64"}}};
};

constexpr size_t size_of(DType dtype) {  // bytes an element
  if (dtype >= DType::f64) return 8;
  if (dtype >= DType::i32) return 4;
  if (dtype >= DType::i16) return 2;
  return 1;
}

}  // namespace dermis
