#include "kernels/simd/cpu_features.h"

namespace dermis {
namespace {

InstructionSet detect() {
  __builtin_cpu_init();
  // The x86-64-v3 and -v4 levels that the files are compiled for; __builtin_cpu_supports also asks the operating
  // system.
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                  __builtin_cpu_supports("avx512cd");
  return v4 ? InstructionSet::avx512 : v3 ? InstructionSet::avx2 : InstructionSet::portable;
}

}  // namespace

InstructionSet instruction_set() {
  static const InstructionSet set = detect();
  return set;
}

const char* name_of(InstructionSet set) {
  switch (set) {
    case InstructionSet::avx512: return "avx512";
    case InstructionSet::avx2: return "avx2";
    case InstructionSet::portable: break;
  }
  return "portable";
}

}  // namespace dermis
