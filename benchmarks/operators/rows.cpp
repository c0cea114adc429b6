#include "benchmarks/operators/rows.h"

namespace dermis {

OperatorRows all_operator_rows(const OperatorSetting& setting) {
  OperatorRows all;
  for (const auto make : {rms_norm_rows, layer_norm_rows, rope_rows, activation_rows, linear_ce_rows, embedding_rows_of,
                          optimizer_rows, sampling_rows, image_rows}) {
    for (OperatorRow& row : make(setting)) all.push_back(std::move(row));
  }
  return all;
}

}  // namespace dermis
