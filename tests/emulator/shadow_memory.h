// For every granule of a memory, who touched it last. Most accesses are of whole 16-byte chunks, so a chunk has one
// record until a smaller access splits it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/emulator/race_clock.h"

namespace dermis {

class ShadowMemory {
 public:
  // What an access ran into, and the record of the granule it was.
  struct Finding {
    Conflict conflict = Conflict::kNone;
    size_t byte = 0;
    Granule granule;
  };

  // `granule` is 1, 2 or 4 bytes.
  void reset(size_t bytes, size_t granule) {
    granule_ = granule;
    parts_a_chunk_ = kChunk / granule;
    chunks_.assign((bytes + kChunk - 1) / kChunk, {});
    parts_.clear();
  }

  // `bytes` is a power of 2 up to 16 and divides `first`.
  Finding read(size_t first, size_t bytes, const Moment& me, Read kind, bool races) {
    return visit(first, bytes, [&](Granule& g) { return g.read(me, kind, races); });
  }
  Finding write(size_t first, size_t bytes, const Moment& me, Write kind, bool races) {
    const Finding found = visit(first, bytes, [&](Granule& g) { return g.write(me, kind, races); });
    if (bytes == kChunk) join(first);
    return found;
  }
  // Whether any of the bytes was written after `time`.
  bool written_since(size_t first, size_t bytes, uint32_t time) const {
    for (size_t byte = first; byte < first + bytes; byte += granule_) {
      if (at(byte).write_time() > time) return true;
    }
    return false;
  }
  void land(size_t first, const Moment& me) { chunks_[first / kChunk].whole.land(me); }  // a whole chunk
  void write_by_host(size_t first, size_t bytes);
  const Granule& at(size_t byte) const {
    const Chunk& chunk = chunks_[byte / kChunk];
    return chunk.split ? parts_[chunk.parts + byte % kChunk / granule_] : chunk.whole;
  }

 private:
  static constexpr size_t kChunk = 16;
  struct Chunk {
    Granule whole;
    uint32_t parts = 0;  // where its granules start in parts_, if it was ever split
    bool has_parts = false, split = false;
  };

  template <class Rule>
  Finding visit(size_t first, size_t bytes, Rule rule) {
    Chunk& chunk = chunks_[first / kChunk];
    if (bytes == kChunk && !chunk.split) {
      const Conflict conflict = rule(chunk.whole);
      if (conflict != Conflict::kNone) return {conflict, first, chunk.whole};
      return {};
    }
    if (!chunk.split) split(chunk);
    const size_t begin = first % kChunk / granule_, end = (first % kChunk + bytes + granule_ - 1) / granule_;
    for (size_t part = begin; part < end; ++part) {
      Granule& granule = parts_[chunk.parts + part];
      const Conflict conflict = rule(granule);
      if (conflict != Conflict::kNone) return {conflict, first / kChunk * kChunk + part * granule_, granule};
    }
    return {};
  }
  void split(Chunk& chunk);
  // After a write to the whole chunk its granules have equal records.
  void join(size_t first) {
    Chunk& chunk = chunks_[first / kChunk];
    if (!chunk.split) return;
    chunk.whole = parts_[chunk.parts];
    chunk.split = false;
  }

  size_t granule_ = 2, parts_a_chunk_ = 8;
  std::vector<Chunk> chunks_;
  std::vector<Granule> parts_;
};

}  // namespace dermis
