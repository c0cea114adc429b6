#include "tests/ptx/warp.h"

#include <fmt/format.h>

#include <algorithm>

namespace dermis::ptx {

Warp::Warp(const Kernel& kernel, const BlockPlace& place, uint32_t first_thread, const Surroundings& surroundings,
           RegisterFile& registers)
    : kernel_(kernel),
      registers_(registers),
      params_(static_cast<const std::byte*>(surroundings.params)),
      global_(surroundings.global),
      shared_(surroundings.shared),
      copy_time_(surroundings.copies),
      traffic_(surroundings.traffic) {
  const uint32_t threads = std::min<uint32_t>(place.threads - first_thread, kLanes);
  here_ = live_ = threads == kLanes ? kAllLanes : (1u << threads) - 1;
  for (Lanes& lanes : registers_) lanes.fill(~uint64_t{0});
  for (const auto& [reg, value] : kernel.constants) registers_[reg].fill(value);
  for (const auto& [reg, special] : kernel.specials) {
    const auto set = [&, reg = reg](uint64_t value) { registers_[reg].fill(value); };
    switch (special) {
      case Special::thread_x:
        for (uint32_t lane = 0; lane < kLanes; ++lane) registers_[reg][lane] = first_thread + lane;
        break;
      case Special::block_x: set(place.block[0]); break;
      case Special::block_y: set(place.block[1]); break;
      case Special::block_z: set(place.block[2]); break;
      case Special::blocks_x: set(place.blocks[0]); break;
      case Special::blocks_y: set(place.blocks[1]); break;
      case Special::blocks_z: set(place.blocks[2]); break;
      case Special::threads_x: set(place.threads); break;
      case Special::shared_bytes: set(place.shared_bytes); break;
      case Special::params: set(reinterpret_cast<uint64_t>(params_)); break;
      case Special::shared_base: set(SharedMemory::kBase); break;
    }
  }
}

void Warp::fail(const std::string& what) const {
  const std::string line = next_ < kernel_.code.size() ? kernel_.lines[kernel_.code[next_].line] : "the end";
  throw std::runtime_error(fmt::format("{}: lanes {:08x} of {:08x} at '{}'", what, here_, live_, line));
}

std::byte* Warp::at(Space space, uint64_t address, size_t bytes) {
  if (space == Space::shared) address &= 0xffffffffu;
  if (address % bytes != 0) fail(fmt::format("address {:#x} of {} bytes is not aligned", address, bytes));
  if (space == Space::shared) {
    std::byte* found = shared_.at(address, bytes);
    if (found == nullptr) fail(fmt::format("shared address {:#x} of {} bytes is outside", address, bytes));
    return found;
  }
  auto* found = reinterpret_cast<std::byte*>(address);
  const bool is_param = found >= params_ && found + bytes <= params_ + kernel_.param_bytes;
  if (space == Space::param ? !is_param : !global_.holds(address, bytes))
    fail(fmt::format("address {:#x} of {} bytes is in no buffer", address, bytes));
  return found;
}

void Warp::count(Space space, const Lanes& addresses, uint32_t bytes, bool is_store) {
  if (space == Space::shared)
    traffic_->count_shared(addresses.data(), active_, bytes);
  else if (space != Space::param)
    traffic_->count_global(addresses.data(), active_, bytes, is_store);
}

void Warp::copy_async(int lane, uint32_t to, uint64_t from, uint32_t valid_bytes) {
  const Copy copy{lane, committed_[lane], to, from, valid_bytes};
  if (copy_time_ == CopyTime::early)
    carry_out(copy);
  else
    copies_.push_back(copy);
}

void Warp::carry_out(const Copy& copy) {
  std::byte* to = at(Space::shared, copy.to, 16);
  if (copy.valid_bytes != 0) std::memcpy(to, at(Space::global, copy.from, 16), copy.valid_bytes);
  std::memset(to + copy.valid_bytes, 0, 16 - copy.valid_bytes);
}

void Warp::commit_copies() {
  for_active([&](int lane) { ++committed_[lane]; });
}

void Warp::wait_copies(int64_t groups_on_their_way) {
  const auto arrives = [&](const Copy& copy) {
    return (active_ >> copy.lane & 1) != 0 && copy.group + groups_on_their_way < committed_[copy.lane];
  };
  for (const Copy& copy : copies_)
    if (arrives(copy)) carry_out(copy);
  std::erase_if(copies_, arrives);
}

// The lanes at the lowest line that do not wait go on; lanes at the same line are one group.
void Warp::choose_group() {
  if (here_ != 0) others_.push_back({next_, here_, false});
  for (size_t i = 0; i < others_.size(); ++i) {
    for (size_t j = others_.size() - 1; j > i; --j) {
      if (others_[j].next != others_[i].next) continue;
      others_[i].lanes |= others_[j].lanes;
      others_[i].waits = false;  // looked at again, with more lanes
      others_.erase(others_.begin() + static_cast<ptrdiff_t>(j));
    }
  }
  const auto lowest = std::min_element(others_.begin(), others_.end(), [](const Group& a, const Group& b) {
    return std::pair(a.waits, a.next) < std::pair(b.waits, b.next);
  });
  next_ = lowest->next;
  here_ = lowest->lanes;
  const bool stuck = lowest->waits;
  others_.erase(lowest);
  if (stuck) fail("some lanes wait for all, which never come");
}

bool Warp::all_here() {
  if (here_ == live_) return true;
  others_.push_back({next_, here_, true});
  here_ = 0;
  choose_group();
  return false;
}

void Warp::pass_barrier() {
  state_ = State::ready;
  ++next_;
}

void Warp::run(int instructions) {
  for (; instructions > 0 && state_ == State::ready; --instructions) step();
}

void Warp::branch(const Instruction& instruction, uint32_t taken) {
  if (taken == here_) {
    next_ = instruction.target;
  } else {
    ++next_;
    if (taken == 0) return;
    others_.push_back({instruction.target, taken, false});
    here_ &= ~taken;
  }
}

void Warp::step() {
  if (!others_.empty()) choose_group();
  if (next_ >= kernel_.code.size()) fail("lanes run past the end");
  const Instruction& instruction = kernel_.code[next_];
  active_ = here_;
  if (instruction.guarded) {
    const Lanes& guard = registers_[instruction.guard];
    for (int lane = 0; lane < kLanes; ++lane)
      if (((guard[lane] & 1) != 0) == instruction.guard_negated) active_ &= ~(1u << lane);
  }
  switch (instruction.flow) {
    case Flow::next:
      if (active_ != 0) instruction.execute(*this, instruction);
      ++next_;
      break;
    case Flow::together:
      if (!all_here()) return;
      if (active_ != here_) fail("a call of all lanes that some lanes leave out");
      instruction.execute(*this, instruction);
      ++next_;
      break;
    case Flow::barrier:
      if (!all_here()) return;
      state_ = State::at_barrier;
      break;
    case Flow::branch: branch(instruction, active_); break;
    case Flow::leave:
      live_ &= ~active_;
      here_ &= ~active_;
      ++next_;
      for (Group& group : others_) group.waits = false;  // they wait for fewer now
      if (live_ == 0)
        state_ = State::done;
      else if (here_ == 0)
        choose_group();
      break;
  }
}

}  // namespace dermis::ptx
