#include "tests/emulator/race_clock.h"

#include <algorithm>

namespace dermis {
namespace {
uint32_t key(Group group, uint32_t thread) {
  return static_cast<uint32_t>(group) << kThreadIdBits | first_of(thread, group);
}
}  // namespace

void Knowledge::learn(Group group, uint32_t thread, uint32_t time) {
  uint32_t& before = before_[key(group, thread)];
  before = std::max(before, time);
}

void Knowledge::learn(const Knowledge& other) {
  for (const auto& [group, time] : other.before_) {
    uint32_t& before = before_[group];
    before = std::max(before, time);
  }
}

bool Knowledge::covers(Group group, uint32_t thread, uint32_t time) const {
  for (const Group whole : {Group::kThread, Group::kWarp, Group::kBlock}) {
    if (whole < group) continue;
    const auto found = before_.find(key(whole, thread));
    if (found != before_.end() && time < found->second) return true;
  }
  return false;
}

}  // namespace dermis
