// Which of the vector code paths this processor runs. Kernels are compiled once for each instruction set, in files
// named
// *_avx2.cpp and *_avx512.cpp, and chosen at run time.
#pragma once

namespace dermis {

enum class InstructionSet { portable, avx2, avx512 };

// The widest set that processor and operating system support; portable: LibTorch operators serve instead of ours.
InstructionSet instruction_set();
const char* name_of(InstructionSet set);

// The table of kernel functions for this processor, or nullptr when only LibTorch's operators run here.
template <typename Table>
const Table* choose_kernels(const Table& avx2, const Table& avx512) {
  switch (instruction_set()) {
    case InstructionSet::avx512: return &avx512;
    case InstructionSet::avx2: return &avx2;
    case InstructionSet::portable: break;
  }
  return nullptr;
}

}  // namespace dermis
