#include <cstddef>
#include <cstdint>

#include "core/error.h"
#include "data/image/fitted.h"

// Any bytes decode to a picture of the size asked for, or end in an error; the planes hold as much as was promised.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const dermis::Image image = dermis::decode_fitted({data, size}, "fuzz", 9, 7, dermis::ResampleFilter::bicubic);
    if (image.rgb.size() != 9 * 7 * 3) __builtin_trap();
  } catch (const dermis::Error& error) {
    if (error.kind() != dermis::ErrorKind::data) __builtin_trap();
  }
  return 0;
}
