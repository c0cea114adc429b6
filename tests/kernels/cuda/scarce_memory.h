// A device whose memory ends: from its making on, LibTorch gets `allowed` more tensors on the CPU, then the error that
// it throws when a GPU is full.
#pragma once

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <cstring>

namespace dermis::testing {

class ScarceMemory : public c10::Allocator {
 public:
  explicit ScarceMemory(int allowed) : left_(allowed), before_(c10::GetCPUAllocator()) { c10::SetCPUAllocator(this); }
  ~ScarceMemory() override { c10::SetCPUAllocator(before_); }

  c10::DataPtr allocate(size_t bytes) override {
    if (left_-- <= 0) throw c10::OutOfMemoryError(c10::SourceLocation{}, "CUDA out of memory");
    return before_->allocate(bytes);
  }
  c10::DeleterFnPtr raw_deleter() const override { return before_->raw_deleter(); }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }

 private:
  int left_;
  c10::Allocator* before_;
};

}  // namespace dermis::testing
