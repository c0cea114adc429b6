// JPEG pictures row by row, so that a resize can follow without the whole picture ever being in memory.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace dermis {

// Accurate inverse DCT and smooth chroma upsampling: what Pillow asks of the same library. CMYK and YCCK are taken as
// Adobe's inverted values and mixed to RGB as Pillow does. Not thread-safe; `bytes` must outlive it.
// Errors: Error(data) naming the file for damaged or cut-off data, also where the library would fill in grey.
class JpegReader {
 public:
  JpegReader(std::span<const uint8_t> bytes, std::string name);
  ~JpegReader();
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  int width() const;
  int height() const;
  int orientation() const;  // EXIF, 1..8
  // Next `count` rows into rgb, each `stride` bytes after the one before; at most the rows that are left.
  void read_rows(uint8_t* rgb, int64_t stride, int count);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dermis
