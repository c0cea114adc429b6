#include "tests/ptx/memory.h"

#include <iterator>

namespace dermis::ptx {

void GlobalMemory::remove(uint64_t address) {
  blocks_.erase(address);
  begin_ = end_ = 0;
}

bool GlobalMemory::holds(uint64_t address, size_t bytes) {
  if (holds_ != nullptr) return holds_(address, bytes);
  if (address >= begin_ && address < end_) return bytes <= end_ - address;
  const auto after = blocks_.upper_bound(address);
  if (after == blocks_.begin()) return false;
  const auto& [begin, size] = *std::prev(after);
  if (address - begin >= size) return false;
  begin_ = begin;
  end_ = begin + size;
  return bytes <= end_ - address;
}

}  // namespace dermis::ptx
