// Loads, stores, atomics and asynchronous copies.
#include <optional>

#include "tests/ptx/operations.h"
#include "tests/ptx/warp.h"

namespace dermis::ptx {
namespace {

// A copy: a register of the result may be the same.
Lanes addresses_of(Warp& warp, const Instruction& i) {
  Lanes addresses = warp.lanes(i.in[0]);
  for (uint64_t& address : addresses) address += static_cast<uint64_t>(i.offset);
  return addresses;
}

// Words of type T, N of them side by side; a narrow signed number keeps its sign in a wider register.
template <class T, int N>
void load(Warp& warp, const Instruction& i) {
  const Lanes addresses = addresses_of(warp, i);
  warp.count_access(i.space, addresses, sizeof(T) * N, false);
  warp.for_active([&](int lane) {
    const std::byte* from = warp.at(i.space, addresses[lane], sizeof(T) * N);
    for (int k = 0; k < N; ++k) {
      T value;
      std::memcpy(&value, from + sizeof(T) * k, sizeof(T));
      if constexpr (std::is_signed_v<T>)
        warp.lanes(i.out[k])[lane] = static_cast<uint64_t>(static_cast<int64_t>(value));
      else
        warp.lanes(i.out[k])[lane] = value;
    }
  });
}

template <class T, int N>
void store(Warp& warp, const Instruction& i) {
  const Lanes addresses = addresses_of(warp, i);
  warp.count_access(i.space, addresses, sizeof(T) * N, true);
  warp.for_active([&](int lane) {
    std::byte* to = warp.at(i.space, addresses[lane], sizeof(T) * N);
    for (int k = 0; k < N; ++k) std::memcpy(to + sizeof(T) * k, &warp.lanes(i.in[k + 1])[lane], sizeof(T));
  });
}

void atomic_add(Warp& warp, const Instruction& i) {
  const Lanes addresses = addresses_of(warp, i);
  warp.for_active([&](int lane) {
    std::byte* at = warp.at(i.space, addresses[lane], 4);
    uint32_t before;
    std::memcpy(&before, at, 4);
    const uint32_t after = before + as<uint32_t>(warp.lanes(i.in[1])[lane]);
    std::memcpy(at, &after, 4);
    warp.lanes(i.out[0])[lane] = before;
  });
}

// cp.async.cg.shared.global [to + offset], [from + number], 16, bytes
void copy_async(Warp& warp, const Instruction& i) {
  const Lanes to = addresses_of(warp, i);
  Lanes from = warp.lanes(i.in[1]);
  warp.for_active([&](int lane) {
    const uint32_t valid = i.ins == 4 ? as<uint32_t>(warp.lanes(i.in[3])[lane]) : 16;
    if (valid > 16) warp.fail("a copy of more than 16 bytes");
    from[lane] += static_cast<uint64_t>(i.number);
    warp.copy_async(lane, static_cast<uint32_t>(to[lane]), from[lane], valid);
    if (valid == 0) from[lane] = 0;  // nothing is read
  });
  warp.count_access(Space::global, from, 16, false);
  warp.count_access(Space::shared, to, 16, true);
}
void commit_copies(Warp& warp, const Instruction&) { warp.commit_copies(); }
void wait_copies(Warp& warp, const Instruction& i) { warp.wait_copies(i.number); }
// Every access is seen by all at once here.
void fence(Warp&, const Instruction&) {}

template <class T>
Execute access(bool is_load, int words) {
  switch (words) {
    case 1: return is_load ? &load<T, 1> : &store<T, 1>;
    case 2: return is_load ? &load<T, 2> : &store<T, 2>;
    case 4: return is_load ? &load<T, 4> : &store<T, 4>;
    default: return nullptr;
  }
}

Execute access_of(std::string_view type, bool is_load, int words) {
  if (type == "s8") return access<int8_t>(is_load, words);
  if (type == "s16") return access<int16_t>(is_load, words);
  if (type == "s32") return access<int32_t>(is_load, words);
  if (type == "u8" || type == "b8") return access<uint8_t>(is_load, words);
  if (type == "u16" || type == "b16") return access<uint16_t>(is_load, words);
  if (type == "u32" || type == "b32" || type == "f32") return access<uint32_t>(is_load, words);
  if (type == "u64" || type == "b64" || type == "s64" || type == "f64") return access<uint64_t>(is_load, words);
  return nullptr;
}

std::optional<Space> space_of(std::string_view word) {
  if (word == "global") return Space::global;
  if (word == "shared") return Space::shared;
  if (word == "param") return Space::param;
  return std::nullopt;
}

// ld[.relaxed.gpu | .volatile][.space][.nc][.v2 | .v4].type and st likewise.
Operation access_named(std::string_view name) {
  const bool is_load = name.substr(0, 3) == "ld.";
  Space space = Space::generic;
  int words = 1;
  for (std::string_view rest = name.substr(3); !rest.empty();) {
    const size_t dot = rest.find('.');
    const std::string_view word = rest.substr(0, dot);
    if (dot == std::string_view::npos)
      return {access_of(word, is_load, words), Flow::next, space, is_load ? words : 0, is_load ? 1 : words + 1};
    if (const auto found = space_of(word); found.has_value())
      space = *found;
    else if (word == "v2" || word == "v4")
      words = word[1] - '0';
    else if (word != "nc" && word != "relaxed" && word != "gpu" && word != "volatile")
      return {};
    rest.remove_prefix(dot + 1);
  }
  return {};
}

}  // namespace

Operation memory_named(std::string_view name) {
  if (name == "atom.shared.add.u32") return {&atomic_add, Flow::next, Space::shared, 1, 2};
  if (name == "atom.global.add.u32") return {&atomic_add, Flow::next, Space::global, 1, 2};
  if (name == "cp.async.cg.shared.global") return {&copy_async, Flow::next, Space::shared, 0, 4};
  if (name == "cp.async.commit_group") return {&commit_copies, Flow::next, Space::shared, 0, 0};
  if (name == "cp.async.wait_group") return {&wait_copies, Flow::next, Space::shared, 0, 1};
  if (name == "membar.gl") return {&fence, Flow::next, Space::global, 0, 0};
  if (name.substr(0, 3) == "ld." || name.substr(0, 3) == "st.") return access_named(name);
  return {};
}

}  // namespace dermis::ptx
