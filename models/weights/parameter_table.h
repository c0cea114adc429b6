// Every parameter of a model by its canonical name, shape, part and initial distribution: what building, loading,
// saving and counting go by.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/part.h"
#include "models/vlm_config.h"

namespace dermis {

enum class InitKind {
  zeros,
  ones,
  normal,   // spread: standard deviation
  uniform,  // [-spread, spread]
  grid      // rows are places of a square grid: sines and cosines of column and row, spread: their amplitude
};

// A tensor that begins as share * (what another is drawn as) + sqrt(1 - share^2) * (a draw of its own): its deviation
// stays, its product with the other gains share times the identity.
struct InitLike {
  std::string name = {};    // of a tensor with equal shape, kind and spread; empty: none
  double share = 0;         // -1 to 1
  bool transposed = false;  // of the other's matrix, which is square
};

struct ParameterSpec {
  std::string name;
  std::vector<int64_t> shape;
  Part part;
  InitKind init = InitKind::zeros;
  double spread = 0;
  InitLike like = {};
  int64_t zero_row = -1;  // row left at zero: the embedding of the padding token
  // Neighbours in the table with the same group lie one behind the other in memory, so that one matrix product serves
  // them all; they stay parameters of their own.
  std::string group = {};

  int64_t element_count() const {
    int64_t count = 1;
    for (const int64_t extent : shape) count *= extent;
    return count;
  }
};

// Fixed order: vision tower, projector, decoder; names as save_pretrained of transformers 5.6 and later writes them.
std::vector<ParameterSpec> parameter_table(const VlmConfig& config);

}  // namespace dermis
