// Matrices as launchers take them: the element type is in the launcher's parameters, numbers of a row are contiguous,
// `stride` counts elements between rows.
#pragma once

#include "kernels/machine/machine.h"

namespace dermis {

struct InputRows {
  const void* data = nullptr;
  int64_t stride = 0;
};
struct OutputRows {
  void* data = nullptr;
  int64_t stride = 0;
};

}  // namespace dermis
