#include "tests/emulator/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <new>

#if DERMIS_FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace dermis {
namespace {

size_t page_bytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

// Stacks lie whole pages apart, so the frames of 32 lanes would all fall into the same few cache sets; each stack
// starts this much lower than its neighbour, over one page.
constexpr size_t kColourBytes = 320, kColours = 12;

}  // namespace

FiberStacks::FiberStacks(size_t count) : count_(count) {
  const size_t pitch = kStackBytes + page_bytes();
  void* mapping =
      mmap(nullptr, count * pitch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  mapping_ = static_cast<std::byte*>(mapping);
  for (size_t i = 0; i < count; ++i) {
    if (mprotect(mapping_ + i * pitch, page_bytes(), PROT_NONE) != 0) throw std::bad_alloc();
  }
}

FiberStacks::~FiberStacks() {
  const size_t bytes = count_ * (kStackBytes + page_bytes());
#if DERMIS_FIBER_ASAN
  // Frames that a fiber never left stay marked, and whatever is mapped at this address next would inherit the marks.
  ASAN_UNPOISON_MEMORY_REGION(mapping_, bytes);
#endif
  munmap(mapping_, bytes);
}

std::byte* FiberStacks::bottom(size_t index) const {
  return mapping_ + index * (kStackBytes + page_bytes()) + page_bytes();
}

#if DERMIS_FIBER_ASSEMBLY

// dermis_fiber_switch(save, load): pushes the registers that the System V ABI lets a callee keep, stores the stack
// pointer in *save, takes `load` for it and pops the same registers there.
// dermis_fiber_begin: where a new fiber's first switch returns to; r12 holds the argument, r13 the function.
asm(R"(
.text
.p2align 4
.globl dermis_fiber_switch
.hidden dermis_fiber_switch
.type dermis_fiber_switch, @function
dermis_fiber_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size dermis_fiber_switch, .-dermis_fiber_switch
.p2align 4
.globl dermis_fiber_begin
.hidden dermis_fiber_begin
.type dermis_fiber_begin, @function
dermis_fiber_begin:
  .cfi_startproc
  .cfi_undefined rip
  movq %r12, %rdi
  call *%r13
  ud2
  .cfi_endproc
.size dermis_fiber_begin, .-dermis_fiber_begin
)");
extern "C" void dermis_fiber_switch(void** save, void* load);
extern "C" void dermis_fiber_begin();

#endif

void Fiber::start(const FiberStacks& stacks, size_t index, Entry entry, void* argument) {
  entry_ = entry;
  argument_ = argument;
  std::byte* bottom = stacks.bottom(index);
  const size_t bytes = FiberStacks::kStackBytes - index % kColours * kColourBytes;
#if DERMIS_FIBER_ASAN
  // A fiber that was dropped in the middle leaves its frames marked.
  __asan_unpoison_memory_region(bottom, FiberStacks::kStackBytes);
  fake_stack_ = nullptr;
  bottom_ = bottom;
  bytes_ = bytes;
#endif
#if DERMIS_FIBER_ASSEMBLY
  void** top = reinterpret_cast<void**>(bottom + bytes) - 2;  // a multiple of 16 where the first call happens
  *--top = reinterpret_cast<void*>(&dermis_fiber_begin);
  *--top = nullptr;                                 // rbp
  *--top = nullptr;                                 // rbx
  *--top = this;                                    // r12
  *--top = reinterpret_cast<void*>(&Fiber::enter);  // r13
  *--top = nullptr;                                 // r14
  *--top = nullptr;                                 // r15
  stack_pointer_ = top;
#else
  getcontext(&context_);
  context_.uc_stack.ss_sp = bottom;
  context_.uc_stack.ss_size = bytes;
  context_.uc_link = nullptr;
  // makecontext passes ints only.
  const auto self = reinterpret_cast<uintptr_t>(this);
  auto begin = [](uint32_t high, uint32_t low) {
    Fiber::enter(reinterpret_cast<void*>((static_cast<uintptr_t>(high) << 16 << 16) | low));
  };
  makecontext(&context_, reinterpret_cast<void (*)()>(+begin), 2, static_cast<uint32_t>(self >> 16 >> 16),
              static_cast<uint32_t>(self));
#endif
}

#if DERMIS_FIBER_ASAN
namespace {
// The fiber that was left by the switch in progress: its stack's bounds are known only on the other side.
Fiber* left = nullptr;
}  // namespace
#endif

void Fiber::switch_to(Fiber& from, Fiber& to, [[maybe_unused]] bool last) {
#if DERMIS_FIBER_ASAN
  left = &from;
  __sanitizer_start_switch_fiber(last ? nullptr : &from.fake_stack_, to.bottom_, to.bytes_);
#endif
#if DERMIS_FIBER_ASSEMBLY
  dermis_fiber_switch(&from.stack_pointer_, to.stack_pointer_);
#else
  swapcontext(&from.context_, &to.context_);
#endif
#if DERMIS_FIBER_ASAN
  __sanitizer_finish_switch_fiber(from.fake_stack_, &left->bottom_, &left->bytes_);
#endif
}

void Fiber::enter(void* fiber) {
  auto* self = static_cast<Fiber*>(fiber);
#if DERMIS_FIBER_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &left->bottom_, &left->bytes_);
#endif
  self->entry_(self->argument_);
  __builtin_trap();
}

}  // namespace dermis
