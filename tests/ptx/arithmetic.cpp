#include <fmt/format.h>

#include <cmath>
#include <type_traits>

#include "tests/ptx/operations.h"
#include "tests/ptx/warp.h"

namespace dermis::ptx {
namespace {

// out[0] = F(in[0], in[1], ...) of each lane, all of type T or, for the result, R.
template <class R, class T, class F, int N>
void map_lanes(Warp& warp, const Instruction& i) {
  Lanes& out = warp.lanes(i.out[0]);
  const Lanes* in[N];
  for (int k = 0; k < N; ++k) in[k] = &warp.lanes(i.in[k]);
  warp.for_active([&](int lane) {
    if constexpr (N == 1)
      out[lane] = bits_of<R>(F()(as<T>((*in[0])[lane])));
    else if constexpr (N == 2)
      out[lane] = bits_of<R>(F()(as<T>((*in[0])[lane]), as<T>((*in[1])[lane])));
    else
      out[lane] = bits_of<R>(F()(as<T>((*in[0])[lane]), as<T>((*in[1])[lane]), as<T>((*in[2])[lane])));
  });
}

template <class R, class T, class F, int N>
constexpr Operation lanewise{&map_lanes<R, T, F, N>, Flow::next, Space::generic, 1, N};

struct Same {
  template <class T>
  T operator()(T a) const {
    return a;
  }
};
// Integers wrap: narrow ones by the cast back to T, wide ones since they are taken as unsigned.
struct Add {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a + b);
  }
};
struct Sub {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a - b);
  }
};
struct Mul {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a * b);
  }
};
struct MulAdd {
  template <class T>
  T operator()(T a, T b, T c) const {
    return static_cast<T>(a * b + c);
  }
};
// A divisor of zero gives what no kernel may rely on.
struct Div {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) return a / b;
    if (b == 0) return static_cast<T>(-1);
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return static_cast<T>(0 - static_cast<uint64_t>(a));
    return static_cast<T>(a / b);
  }
};
struct Rem {
  template <class T>
  T operator()(T a, T b) const {
    if (b == 0) return a;
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return 0;
    return static_cast<T>(a % b);
  }
};
struct MulHigh {
  int32_t operator()(int32_t a, int32_t b) const { return static_cast<int32_t>(static_cast<int64_t>(a) * b >> 32); }
  uint32_t operator()(uint32_t a, uint32_t b) const {
    return static_cast<uint32_t>(static_cast<uint64_t>(a) * b >> 32);
  }
  int64_t operator()(int64_t a, int64_t b) const { return static_cast<int64_t>(static_cast<__int128>(a) * b >> 64); }
  uint64_t operator()(uint64_t a, uint64_t b) const {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(a) * b >> 64);
  }
};
template <class Wide>
struct MulWide {
  template <class T>
  Wide operator()(T a, T b) const {
    return static_cast<Wide>(a) * static_cast<Wide>(b);
  }
};
template <class Wide>
void mad_wide(Warp& warp, const Instruction& i) {
  using T = std::conditional_t<std::is_same_v<Wide, int64_t>, int32_t, uint32_t>;
  warp.for_active([&](int lane) {
    const Wide product = MulWide<Wide>()(as<T>(warp.lanes(i.in[0])[lane]), as<T>(warp.lanes(i.in[1])[lane]));
    warp.lanes(i.out[0])[lane] = static_cast<uint64_t>(product) + warp.lanes(i.in[2])[lane];
  });
}
// Of two numbers one of which is no number, the other; -0 is less than 0.
struct Min {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      if (a == b) return std::signbit(a) ? a : b;
      return std::fmin(a, b);
    }
    return a < b ? a : b;
  }
};
struct Max {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      if (a == b) return std::signbit(a) ? b : a;
      return std::fmax(a, b);
    }
    return a < b ? b : a;
  }
};
struct Negative {
  template <class T>
  T operator()(T a) const {
    if constexpr (std::is_floating_point_v<T>) return -a;
    return static_cast<T>(0 - static_cast<uint64_t>(a));
  }
};
struct Magnitude {
  template <class T>
  T operator()(T a) const {
    if constexpr (std::is_floating_point_v<T>) return std::fabs(a);
    return a < 0 ? Negative()(a) : a;
  }
};
struct Fma {
  template <class T>
  T operator()(T a, T b, T c) const {
    return std::fma(a, b, c);
  }
};
struct SquareRoot {
  template <class T>
  T operator()(T a) const {
    return std::sqrt(a);
  }
};

struct And {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a & b);
  }
};
struct Or {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a | b);
  }
};
struct Xor {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a ^ b);
  }
};
struct Not {
  template <class T>
  T operator()(T a) const {
    return static_cast<T>(~a);
  }
};

template <class T>
void select(Warp& warp, const Instruction& i) {
  warp.for_active([&](int lane) {
    const bool first = (warp.lanes(i.in[2])[lane] & 1) != 0;
    warp.lanes(i.out[0])[lane] = bits_of<T>(as<T>(warp.lanes(i.in[first ? 0 : 1])[lane]));
  });
}

// Shifts by as much as there are bits or more leave zeros, or signs.
template <class T, bool kLeft>
void shift(Warp& warp, const Instruction& i) {
  constexpr uint32_t kBits = sizeof(T) * 8;
  warp.for_active([&](int lane) {
    const T a = as<T>(warp.lanes(i.in[0])[lane]);
    const uint32_t by = as<uint32_t>(warp.lanes(i.in[1])[lane]);
    T result;
    if constexpr (kLeft)
      result = by < kBits ? static_cast<T>(a << by) : T{0};
    else
      result = by < kBits ? static_cast<T>(a >> by) : static_cast<T>(a < 0 ? -1 : 0);
    warp.lanes(i.out[0])[lane] = bits_of<T>(result);
  });
}

// bfi: the low in[3] bits of in[0] into in[1] from bit in[2] on.
template <class T>
void insert_bits(Warp& warp, const Instruction& i) {
  constexpr uint32_t kBits = sizeof(T) * 8;
  warp.for_active([&](int lane) {
    const T from = as<T>(warp.lanes(i.in[0])[lane]), into = as<T>(warp.lanes(i.in[1])[lane]);
    const uint32_t first = as<uint32_t>(warp.lanes(i.in[2])[lane]) & 0xff;
    const uint32_t length = as<uint32_t>(warp.lanes(i.in[3])[lane]) & 0xff;
    const T mask = first >= kBits || length == 0 ? T{0} : (length >= kBits ? ~T{0} : (T{1} << length) - 1) << first;
    const T shifted = first >= kBits ? T{0} : from << first;
    warp.lanes(i.out[0])[lane] = (shifted & mask) | (into & ~mask);
  });
}

// prmt: each of four bytes is chosen from the eight of in[1]:in[0]; bit 3 of a choice spreads the byte's sign.
void permute_bytes(Warp& warp, const Instruction& i) {
  warp.for_active([&](int lane) {
    const uint64_t bytes = (warp.lanes(i.in[0])[lane] & 0xffffffffu) | warp.lanes(i.in[1])[lane] << 32;
    const uint64_t choices = warp.lanes(i.in[2])[lane];
    uint32_t result = 0;
    for (int k = 0; k < 4; ++k) {
      const uint64_t choice = choices >> (4 * k) & 0xf;
      uint32_t byte = static_cast<uint32_t>(bytes >> (8 * (choice & 7)) & 0xff);
      if ((choice & 8) != 0) byte = (byte & 0x80) != 0 ? 0xff : 0;
      result |= byte << (8 * k);
    }
    warp.lanes(i.out[0])[lane] = result;
  });
}

// The halves of a number, the low one first.
template <class T>
void join(Warp& warp, const Instruction& i) {
  warp.for_active([&](int lane) {
    const uint64_t low = as<T>(warp.lanes(i.in[0])[lane]), high = as<T>(warp.lanes(i.in[1])[lane]);
    warp.lanes(i.out[0])[lane] = high << (8 * sizeof(T)) | low;
  });
}
template <class T>
void part(Warp& warp, const Instruction& i) {
  warp.for_active([&](int lane) {
    const uint64_t both = warp.lanes(i.in[0])[lane];
    warp.lanes(i.out[0])[lane] = as<T>(both);
    warp.lanes(i.out[1])[lane] = as<T>(both >> (8 * sizeof(T)));
  });
}

enum class Order { lt, le, gt, ge, eq, ne };
// kUnordered: true where one of the numbers is none; otherwise false there, but for `ne` of integers.
template <class T, Order kOrder, bool kUnordered>
struct Compare {
  bool operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>)
      if (std::isnan(a) || std::isnan(b)) return kUnordered;
    switch (kOrder) {
      case Order::lt: return a < b;
      case Order::le: return a <= b;
      case Order::gt: return a > b;
      case Order::ge: return a >= b;
      case Order::eq: return a == b;
      case Order::ne: return a != b;
    }
    return false;
  }
};

template <class T, Order kOrder>
void add_comparison(OperationTable& table, std::string_view name, std::string_view type) {
  table[fmt::format("setp.{}.{}", name, type)] = lanewise<bool, T, Compare<T, kOrder, false>, 2>;
  if constexpr (std::is_floating_point_v<T>)
    table[fmt::format("setp.{}u.{}", name, type)] = lanewise<bool, T, Compare<T, kOrder, true>, 2>;
}

template <class T>
void add_comparisons(OperationTable& table, std::string_view type) {
  add_comparison<T, Order::lt>(table, "lt", type);
  add_comparison<T, Order::le>(table, "le", type);
  add_comparison<T, Order::gt>(table, "gt", type);
  add_comparison<T, Order::ge>(table, "ge", type);
  add_comparison<T, Order::eq>(table, "eq", type);
  add_comparison<T, Order::ne>(table, "ne", type);
}

template <class T>
void add_moves(OperationTable& table, std::string_view type) {
  table[fmt::format("mov.{}", type)] = lanewise<T, T, Same, 1>;
  table[fmt::format("selp.{}", type)] = {&select<T>, Flow::next, Space::generic, 1, 3};
}

template <class T>
void add_integers(OperationTable& table, std::string_view type) {
  using Unsigned = std::make_unsigned_t<T>;
  const auto name = [&](std::string_view op) { return fmt::format("{}.{}", op, type); };
  add_moves<T>(table, type);
  add_comparisons<T>(table, type);
  table[name("add")] = lanewise<Unsigned, Unsigned, Add, 2>;
  table[name("sub")] = lanewise<Unsigned, Unsigned, Sub, 2>;
  table[name("mul.lo")] = lanewise<Unsigned, Unsigned, Mul, 2>;
  table[name("mad.lo")] = lanewise<Unsigned, Unsigned, MulAdd, 3>;
  table[name("div")] = lanewise<T, T, Div, 2>;
  table[name("rem")] = lanewise<T, T, Rem, 2>;
  table[name("min")] = lanewise<T, T, Min, 2>;
  table[name("max")] = lanewise<T, T, Max, 2>;
  table[name("neg")] = lanewise<T, T, Negative, 1>;
  table[name("abs")] = lanewise<T, T, Magnitude, 1>;
  table[name("shr")] = {&shift<T, false>, Flow::next, Space::generic, 1, 2};
  if constexpr (sizeof(T) >= 4) table[name("mul.hi")] = lanewise<T, T, MulHigh, 2>;
}

template <class T>
void add_bits(OperationTable& table, int width) {
  const auto name = [&](std::string_view op) { return fmt::format("{}.b{}", op, width); };
  add_moves<T>(table, fmt::format("b{}", width));
  table[name("and")] = lanewise<T, T, And, 2>;
  table[name("or")] = lanewise<T, T, Or, 2>;
  table[name("xor")] = lanewise<T, T, Xor, 2>;
  table[name("not")] = lanewise<T, T, Not, 1>;
  table[name("shl")] = {&shift<T, true>, Flow::next, Space::generic, 1, 2};
  if constexpr (sizeof(T) >= 4) table[name("bfi")] = {&insert_bits<T>, Flow::next, Space::generic, 1, 4};
}

// Written without .rn: the assembler may join a product and a sum, which loses no exactness.
template <class T>
void add_floats(OperationTable& table, std::string_view type) {
  const auto add = [&](std::string_view op, const Operation& operation) {
    table[fmt::format("{}.{}", op, type)] = table[fmt::format("{}.rn.{}", op, type)] = operation;
  };
  add_moves<T>(table, type);
  add_comparisons<T>(table, type);
  add("add", lanewise<T, T, Add, 2>);
  add("sub", lanewise<T, T, Sub, 2>);
  add("mul", lanewise<T, T, Mul, 2>);
  add("div", lanewise<T, T, Div, 2>);
  add("fma", lanewise<T, T, Fma, 3>);
  add("sqrt", lanewise<T, T, SquareRoot, 1>);
  add("min", lanewise<T, T, Min, 2>);
  add("max", lanewise<T, T, Max, 2>);
  add("neg", lanewise<T, T, Negative, 1>);
  add("abs", lanewise<T, T, Magnitude, 1>);
}

OperationTable make_table() {
  OperationTable table;
  add_integers<int16_t>(table, "s16");
  add_integers<int32_t>(table, "s32");
  add_integers<int64_t>(table, "s64");
  add_integers<uint16_t>(table, "u16");
  add_integers<uint32_t>(table, "u32");
  add_integers<uint64_t>(table, "u64");
  table["mul.wide.s16"] = lanewise<int32_t, int16_t, MulWide<int32_t>, 2>;
  table["mul.wide.u16"] = lanewise<uint32_t, uint16_t, MulWide<uint32_t>, 2>;
  table["mul.wide.s32"] = lanewise<int64_t, int32_t, MulWide<int64_t>, 2>;
  table["mul.wide.u32"] = lanewise<uint64_t, uint32_t, MulWide<uint64_t>, 2>;
  table["mad.wide.s32"] = {&mad_wide<int64_t>, Flow::next, Space::generic, 1, 3};
  table["mad.wide.u32"] = {&mad_wide<uint64_t>, Flow::next, Space::generic, 1, 3};
  add_bits<uint16_t>(table, 16);
  add_bits<uint32_t>(table, 32);
  add_bits<uint64_t>(table, 64);
  table["mov.b32.join"] = {&join<uint16_t>, Flow::next, Space::generic, 1, 2};
  table["mov.b64.join"] = {&join<uint32_t>, Flow::next, Space::generic, 1, 2};
  table["mov.b32.part"] = {&part<uint16_t>, Flow::next, Space::generic, 2, 1};
  table["mov.b64.part"] = {&part<uint32_t>, Flow::next, Space::generic, 2, 1};
  table["prmt.b32"] = {&permute_bytes, Flow::next, Space::generic, 1, 3};
  add_floats<float>(table, "f32");
  add_floats<double>(table, "f64");
  // A predicate is one bit; what lies above it after `not` is never read.
  table["mov.pred"] = lanewise<uint8_t, uint8_t, Same, 1>;
  table["and.pred"] = lanewise<uint8_t, uint8_t, And, 2>;
  table["or.pred"] = lanewise<uint8_t, uint8_t, Or, 2>;
  table["xor.pred"] = lanewise<uint8_t, uint8_t, Xor, 2>;
  table["not.pred"] = lanewise<uint8_t, uint8_t, Not, 1>;
  return table;
}

}  // namespace

Operation arithmetic_named(std::string_view name) {
  static const OperationTable table = make_table();
  return operation_in(table, name);
}

}  // namespace dermis::ptx
