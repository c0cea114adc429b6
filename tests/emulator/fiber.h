// Fibers: stacks of their own inside one operating-system thread, switched by hand. A kernel thread is a fiber, since
// it must stop in the middle of its function at every barrier and every warp-wide instruction. On x86-64 a switch is a
// dozen instructions; elsewhere it goes through ucontext.
#pragma once

#include <cstddef>
#include <memory>

// 0 tries the portable way out on x86-64 too.
#ifndef DERMIS_FIBER_ASSEMBLY
#if defined(__x86_64__)
#define DERMIS_FIBER_ASSEMBLY 1
#else
#define DERMIS_FIBER_ASSEMBLY 0
#endif
#endif
#if !DERMIS_FIBER_ASSEMBLY
#include <ucontext.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define DERMIS_FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DERMIS_FIBER_ASAN 1
#endif
#endif
#ifndef DERMIS_FIBER_ASAN
#define DERMIS_FIBER_ASAN 0
#endif

namespace dermis {

// Stacks of equal size in one mapping, each with a page below it that faults on overflow.
class FiberStacks {
 public:
  // Sanitizers and unoptimised builds need several times the space.
  static constexpr size_t kStackBytes = DERMIS_FIBER_ASAN ? 512 * 1024 : 128 * 1024;

  explicit FiberStacks(size_t count);
  ~FiberStacks();
  FiberStacks(const FiberStacks&) = delete;
  FiberStacks& operator=(const FiberStacks&) = delete;

  size_t count() const { return count_; }
  // Lowest byte of stack `index`.
  std::byte* bottom(size_t index) const;

 private:
  std::byte* mapping_ = nullptr;
  size_t count_ = 0;
};

// One flow of control. A default-made Fiber stands for the flow that already runs (the operating system's stack).
class Fiber {
 public:
  using Entry = void (*)(void* argument);

  // Makes `entry(argument)` ready to run on stack `index`, forgetting what the fiber did before. `entry` never returns:
  // it ends with a switch that nobody switches back from.
  void start(const FiberStacks& stacks, size_t index, Entry entry, void* argument);

  // Stops here (as `from`) and goes on in `to`; returns when somebody switches to `from`. `last` when `from` is done.
  static void switch_to(Fiber& from, Fiber& to, bool last = false);

 private:
  static void enter(void* fiber);

  Entry entry_ = nullptr;
  void* argument_ = nullptr;
#if DERMIS_FIBER_ASSEMBLY
  void* stack_pointer_ = nullptr;
#else
  ucontext_t context_;
#endif
#if DERMIS_FIBER_ASAN
  void* fake_stack_ = nullptr;
  const void* bottom_ = nullptr;
  size_t bytes_ = 0;
#endif
};

}  // namespace dermis
