#include "tests/emulator/shadow_memory.h"

#include <algorithm>

namespace dermis {

void ShadowMemory::write_by_host(size_t first, size_t bytes) {
  for (size_t byte = first; byte < first + bytes;) {
    Chunk& chunk = chunks_[byte / kChunk];
    if (byte % kChunk == 0 && first + bytes - byte >= kChunk) {
      chunk.whole.write_by_host();
      chunk.split = false;
      byte += kChunk;
    } else {
      if (!chunk.split) split(chunk);
      parts_[chunk.parts + byte % kChunk / granule_].write_by_host();
      byte += granule_ - byte % granule_;
    }
  }
}

void ShadowMemory::split(Chunk& chunk) {
  if (!chunk.has_parts) {
    chunk.has_parts = true;
    chunk.parts = static_cast<uint32_t>(parts_.size());
    parts_.resize(parts_.size() + parts_a_chunk_);
  }
  std::fill_n(parts_.begin() + chunk.parts, parts_a_chunk_, chunk.whole);
  chunk.split = true;
}

}  // namespace dermis
