// Reads a parity case: tensors of its safetensors files, and its padded batches as packed ones.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/contract.h"
#include "core/io/safetensors.h"
#include "models/vlm_config.h"
#include "tests/support/paths.h"

namespace dermis::testing {

inline at::Tensor to_tensor(const TensorView& view) {
  const auto type = view.dtype == DType::f32    ? at::kFloat
                    : view.dtype == DType::f64  ? at::kDouble
                    : view.dtype == DType::i64  ? at::kLong
                    : view.dtype == DType::bf16 ? at::kBFloat16
                                                : at::kByte;
  at::Tensor tensor = at::empty(view.shape, at::TensorOptions().dtype(type));
  std::memcpy(tensor.data_ptr(), view.bytes.data(), view.bytes.size());
  return tensor;
}

class ParityFile {
 public:
  explicit ParityFile(const std::filesystem::path& path) : file_(SafetensorsFile::open(path.string())) {}
  at::Tensor operator[](const std::string& name) const {
    const TensorView* view = file_.find(name);
    if (view == nullptr) throw std::runtime_error("no tensor " + name + " in " + file_.path());
    return to_tensor(*view);
  }
  bool has(const std::string& name) const { return file_.find(name) != nullptr; }
  const std::vector<TensorView>& tensors() const { return file_.tensors(); }

 private:
  SafetensorsFile file_;
};

inline nlohmann::json read_json(const std::filesystem::path& path) {
  std::ifstream stream(path);
  return nlohmann::json::parse(stream);
}

// The cases whose decoder is Gemma 1.
inline std::vector<std::filesystem::path> gemma_cases() {
  std::vector<std::filesystem::path> cases;
  for (const auto& folder : parity_cases("paligemma")) {
    if (read_json(folder / "config.json")["text_config"]["model_type"] == "gemma") cases.push_back(folder);
  }
  return cases;
}

// Rows of the padded batch that hold tokens, one list a sample.
inline std::vector<std::vector<int64_t>> valid_columns(const at::Tensor& mask_BT) {
  std::vector<std::vector<int64_t>> columns(static_cast<size_t>(mask_BT.size(0)));
  const auto mask = mask_BT.accessor<int64_t, 2>();
  for (int64_t b = 0; b < mask_BT.size(0); ++b) {
    for (int64_t t = 0; t < mask_BT.size(1); ++t) {
      if (mask[b][t] != 0) columns[static_cast<size_t>(b)].push_back(t);
    }
  }
  return columns;
}

// `samples`: which rows of the padded batch to pack, in this order. Sample b looks at picture b.
inline Batch pack_case(const ParityFile& inputs, const std::string& name, const VlmConfig& config,
                       const std::vector<int64_t>& samples) {
  const at::Tensor ids_BT = inputs[name + ".input_ids"], types_BT = inputs[name + ".token_type_ids"];
  const bool labelled = inputs.has(name + ".labels");
  const at::Tensor labels_BT = labelled ? inputs[name + ".labels"] : at::full_like(ids_BT, -100);
  const auto columns = valid_columns(inputs[name + ".attention_mask"]);
  const auto ids = ids_BT.accessor<int64_t, 2>(), types = types_BT.accessor<int64_t, 2>(),
             labels = labels_BT.accessor<int64_t, 2>();
  Batch batch;
  for (const int64_t b : samples) {
    const auto offset = static_cast<int32_t>(batch.tokens.size());
    batch.sequence_offsets.push_back(offset);
    batch.sample_ids.push_back(name + "-" + std::to_string(b));
    int32_t prefix = 0, image_row = static_cast<int32_t>(b * config.vision.patches()), row = offset;
    for (const int64_t t : columns[static_cast<size_t>(b)]) prefix += types[b][t] == 0;
    for (const int64_t t : columns[static_cast<size_t>(b)]) {
      batch.tokens.push_back(static_cast<int32_t>(ids[b][t]));
      batch.positions.push_back(row - offset + 1);
      batch.visible_lo.push_back(offset);
      batch.visible_hi.push_back(std::max(offset + prefix, row + 1));
      if (ids[b][t] == config.image_token) {
        batch.image_slots.push_back(row);
        batch.image_rows.push_back(image_row++);
      }
      if (labels[b][t] != -100) {
        batch.label_rows.push_back(row - 1);
        batch.label_ids.push_back(static_cast<int32_t>(labels[b][t]));
        batch.label_weights.push_back(1.0F);
      }
      ++row;
    }
  }
  batch.sequence_offsets.push_back(static_cast<int32_t>(batch.tokens.size()));
  return batch;
}

// Rows of a padded [B, T, ...] tensor in packed order.
inline at::Tensor packed_rows(const at::Tensor& padded, const ParityFile& inputs, const std::string& name,
                              const std::vector<int64_t>& samples) {
  const auto columns = valid_columns(inputs[name + ".attention_mask"]);
  std::vector<at::Tensor> rows;
  for (const int64_t b : samples) {
    for (const int64_t t : columns[static_cast<size_t>(b)]) rows.push_back(padded[b][t]);
  }
  return at::stack(rows);
}

inline double largest_difference(const at::Tensor& left, const at::Tensor& right) {
  EXPECT_EQ(left.numel(), right.numel());
  if (left.numel() != right.numel()) return std::numeric_limits<double>::infinity();
  return (left.reshape({-1}).to(at::kDouble) - right.reshape({-1}).to(at::kDouble)).abs().max().item<double>();
}

}  // namespace dermis::testing
