// Copies that a thread has started and not yet waited for, in groups.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/machine/machine.h"

namespace dermis {

// The device reads the source at any time between start and wait, so it must not change then.
struct AsyncCopy {
  uint64_t group = 0;
  Shared to{0};
  const void* from = nullptr;         // null: zeros
  std::array<std::byte, 16> bytes{};  // of the source when the copy was started
  uint32_t start_time = 0;
};

class AsyncCopies {
 public:
  void start(AsyncCopy copy) {
    copy.group = open_group_;
    copies_.push_back(copy);
  }
  void commit() { ++open_group_; }
  bool empty() const { return first_ == copies_.size(); }

  // Calls land(copy), oldest first, until only the `newest` last committed groups and the open one are in flight.
  template <class Land>
  void wait(uint64_t newest, Land land) {
    while (!empty() && copies_[first_].group + newest < open_group_) land(copies_[first_++]);
    if (!empty()) return;
    copies_.clear();
    first_ = 0;
  }

 private:
  uint64_t open_group_ = 0;
  size_t first_ = 0;
  std::vector<AsyncCopy> copies_;
};

}  // namespace dermis
