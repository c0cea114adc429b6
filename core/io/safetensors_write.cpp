#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io/atomic_file.h"
#include "core/io/safetensors.h"

namespace dermis {
namespace {

using Json = nlohmann::ordered_json;

std::vector<const TensorView*> in_file_order(std::span<const TensorView> tensors) {
  std::vector<const TensorView*> order;
  for (const TensorView& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const TensorView* a, const TensorView* b) {
    return a->dtype != b->dtype ? a->dtype > b->dtype : a->name < b->name;
  });
  return order;
}

void check_view(const TensorView& tensor) {
  DERMIS_CHECK(tensor.name != "__metadata__", "a tensor may not be called __metadata__");
  size_t bytes = size_of(tensor.dtype);
  for (const int64_t size : tensor.shape) {
    DERMIS_CHECK(size >= 0 && !__builtin_mul_overflow(bytes, static_cast<size_t>(size), &bytes),
                 "shape of tensor '" + tensor.name + "'");
  }
  DERMIS_CHECK(bytes == tensor.bytes.size(), "tensor '" + tensor.name + "' of " + std::to_string(bytes) +
                                                 " bytes comes with " + std::to_string(tensor.bytes.size()));
}

std::string header_text(const std::vector<const TensorView*>& order,
                        const std::map<std::string, std::string>& metadata) {
  // Written entry by entry: looking for a name in an ordered_json is linear.
  std::string text = "{";
  if (!metadata.empty()) text += "\"__metadata__\":" + Json(metadata).dump();
  uint64_t offset = 0;
  for (const TensorView* tensor : order) {
    check_view(*tensor);
    Json entry;
    entry["dtype"] = name_of_enum(tensor->dtype);
    entry["shape"] = tensor->shape;
    entry["data_offsets"] = {offset, offset + tensor->bytes.size()};
    offset += tensor->bytes.size();
    text += (text.size() > 1 ? "," : "") + Json(tensor->name).dump() + ":" + entry.dump();
  }
  text += "}";
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

}  // namespace

void write_safetensors(const std::string& path, std::span<const TensorView> tensors,
                       const std::map<std::string, std::string>& metadata) {
  const auto order = in_file_order(tensors);
  for (size_t i = 1; i < order.size(); ++i) {
    DERMIS_CHECK(order[i - 1]->name != order[i]->name, "tensor '" + order[i]->name + "' is given twice");
  }
  const std::string header = header_text(order, metadata);
  std::array<std::byte, 8> length{};
  for (size_t i = 0; i < 8; ++i) length[i] = static_cast<std::byte>(header.size() >> (8 * i));
  AtomicFile file(path);
  file.write(length);
  file.write(header);
  for (const TensorView* tensor : order) file.write(tensor->bytes);
  file.commit();
}

}  // namespace dermis
