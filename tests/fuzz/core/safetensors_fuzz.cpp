#include "core/io/safetensors.h"

#include "core/error.h"
#include "tests/fuzz/memory_file.h"

// Whatever the bytes: a data error, or tensors that tile the file and whose bytes can all be read.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const dermis::testing::MemoryFile bytes(data, size);
  try {
    const auto file = dermis::SafetensorsFile::open(bytes.path());
    size_t total = 0;
    unsigned sum = 0;
    for (const dermis::TensorView& tensor : file.tensors()) {
      total += tensor.bytes.size();
      for (const std::byte byte : tensor.bytes) sum += std::to_integer<unsigned>(byte);
      if (file.find(tensor.name) != &tensor) std::abort();
    }
    if (total > size || sum > 255 * size) std::abort();
  } catch (const dermis::Error& error) {
    if (error.kind() != dermis::ErrorKind::data) throw;
  }
  return 0;
}
