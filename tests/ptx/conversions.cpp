// Between types, and functions that are only approximated.
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "tests/emulator/numbers.h"
#include "tests/ptx/operations.h"
#include "tests/ptx/warp.h"

namespace dermis::ptx {
namespace {

template <class To, class From, class F>
void convert(Warp& warp, const Instruction& i) {
  warp.for_active(
      [&](int lane) { warp.lanes(i.out[0])[lane] = bits_of<To>(F()(as<From>(warp.lanes(i.in[0])[lane]))); });
}
template <class To, class From, class F>
constexpr Operation conversion{&convert<To, From, F>, Flow::next, Space::generic, 1, 1};

template <class To>
struct Cast {
  template <class From>
  To operator()(From x) const {
    return static_cast<To>(x);
  }
};

// Towards zero; what does not fit becomes the nearest that does, and no number zero.
template <class To>
struct Truncated {
  template <class From>
  To operator()(From x) const {
    using Limits = std::numeric_limits<To>;
    if (std::isnan(x)) return 0;
    if (x >= std::ldexp(From{1}, Limits::digits)) return Limits::max();
    if (x <= static_cast<From>(Limits::min())) return Limits::min();
    return static_cast<To>(x);
  }
};

struct HalfToFloat {
  float operator()(uint16_t bits) const { return to_float(Fp16{bits}); }
};

// cvt.rn.f16x2.f32 d, high, low
template <class E>
void pack_pair(Warp& warp, const Instruction& i) {
  warp.for_active([&](int lane) {
    const uint32_t high = from_float<E>(as<float>(warp.lanes(i.in[0])[lane])).bits;
    const uint32_t low = from_float<E>(as<float>(warp.lanes(i.in[1])[lane])).bits;
    warp.lanes(i.out[0])[lane] = high << 16 | low;
  });
}

// Of a result that is not exact, what a GPU may give instead: the float next to it on a side that depends on x.
float approximately(float x, double exact) {
  const float nearest = static_cast<float>(exact);
  if (static_cast<double>(nearest) == exact || !std::isfinite(nearest)) return nearest;
  const uint32_t mixed = std::bit_cast<uint32_t>(x) * 0x9e3779b1u >> 30;
  if (mixed > 1) return nearest;
  return std::nextafter(nearest, mixed == 0 ? -INFINITY : INFINITY);
}

struct Exp2 {
  float operator()(float x) const {
    const float in = flush_subnormal(x);
    return flush_subnormal(approximately(in, std::exp2(static_cast<double>(in))));
  }
};
struct Log2 {
  float operator()(float x) const {
    const float in = flush_subnormal(x);
    return flush_subnormal(approximately(in, std::log2(static_cast<double>(in))));
  }
};
struct Reciprocal {
  float operator()(float x) const {
    const float in = flush_subnormal(x);
    return flush_subnormal(approximately(in, 1 / static_cast<double>(in)));
  }
};
struct ReciprocalRoot {
  float operator()(float x) const { return approximately(x, 1 / std::sqrt(static_cast<double>(x))); }
};

template <class To, class From>
void add_cast(OperationTable& table, std::string_view to, std::string_view from) {
  if constexpr (std::is_integral_v<To> && std::is_integral_v<From>)
    table[fmt::format("cvt.{}.{}", to, from)] = conversion<To, From, Cast<To>>;
  else if constexpr (std::is_integral_v<To>)
    table[fmt::format("cvt.rzi.{}.{}", to, from)] = conversion<To, From, Truncated<To>>;
  else
    table[fmt::format("cvt.rn.{}.{}", to, from)] = conversion<To, From, Cast<To>>;
}

template <class From>
void add_casts_of(OperationTable& table, std::string_view from) {
  add_cast<int16_t, From>(table, "s16", from);
  add_cast<int32_t, From>(table, "s32", from);
  add_cast<int64_t, From>(table, "s64", from);
  add_cast<uint16_t, From>(table, "u16", from);
  add_cast<uint32_t, From>(table, "u32", from);
  add_cast<uint64_t, From>(table, "u64", from);
  add_cast<float, From>(table, "f32", from);
  add_cast<double, From>(table, "f64", from);
}

OperationTable make_table() {
  OperationTable table;
  add_casts_of<int16_t>(table, "s16");
  add_casts_of<int32_t>(table, "s32");
  add_casts_of<int64_t>(table, "s64");
  add_casts_of<uint16_t>(table, "u16");
  add_casts_of<uint32_t>(table, "u32");
  add_casts_of<uint64_t>(table, "u64");
  add_casts_of<float>(table, "f32");
  add_casts_of<double>(table, "f64");
  table["cvt.f64.f32"] = conversion<double, float, Cast<double>>;
  table["cvt.f32.f16"] = conversion<float, uint16_t, HalfToFloat>;
  table["cvt.rn.bf16x2.f32"] = {&pack_pair<Bf16>, Flow::next, Space::generic, 1, 2};
  table["cvt.rn.f16x2.f32"] = {&pack_pair<Fp16>, Flow::next, Space::generic, 1, 2};
  // Generic addresses are those of global memory.
  table["cvta.to.global.u64"] = conversion<uint64_t, uint64_t, Cast<uint64_t>>;
  table["ex2.approx.ftz.f32"] = conversion<float, float, Exp2>;
  table["lg2.approx.ftz.f32"] = conversion<float, float, Log2>;
  table["rcp.approx.ftz.f32"] = conversion<float, float, Reciprocal>;
  table["rsqrt.approx.f32"] = conversion<float, float, ReciprocalRoot>;
  return table;
}

}  // namespace

Operation conversion_named(std::string_view name) {
  static const OperationTable table = make_table();
  return operation_in(table, name);
}

}  // namespace dermis::ptx
