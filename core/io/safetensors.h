// safetensors files: an 8-byte little-endian header length, a JSON header, then the tensors' bytes without gaps.
// The reader maps the file and checks everything before it hands out a view; what it accepts, the format allows.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/io/dtype.h"
#include "core/io/mmap_file.h"

namespace dermis {

struct TensorView {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> shape;        // row-major, outermost first; empty: a scalar
  std::span<const std::byte> bytes;  // not owned; in a file of another writer possibly unaligned: copy, do not cast
};

class SafetensorsFile {
 public:
  // Error(data) naming file, tensor and byte offset: header longer than the file or 100,000,000 bytes, not a UTF-8 JSON
  // object, a key twice, an unknown dtype or field, a shape whose size overflows or differs from its bytes, tensors
  // that overlap, leave a hole or do not end where the file ends.
  static SafetensorsFile open(const std::string& path);

  const std::vector<TensorView>& tensors() const { return tensors_; }  // in the order of their bytes
  const TensorView* find(std::string_view name) const;                 // null when absent
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::string& path() const { return file_.path(); }

 private:
  explicit SafetensorsFile(MmapFile file) : file_(std::move(file)) {}

  MmapFile file_;
  std::vector<TensorView> tensors_;
  std::unordered_map<std::string, size_t> index_;
  std::map<std::string, std::string> metadata_;
};

// Writes atomically, tensors ordered by dtype (largest first) and then by name, data aligned to 8 bytes: the same bytes
// as the reference writer for one metadata entry. Error(data) for a full disk or unwritable folder; a view whose bytes
// do not match its shape, a repeated or reserved name is a defect of the caller (internal).
void write_safetensors(const std::string& path, std::span<const TensorView> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace dermis
