// The rows of the benchmark by operator. How each one's bytes are counted stands with it; T tokens, C numbers a row,
// e bytes a number, parameters of the layer included.
#pragma once

#include <vector>

#include "benchmarks/operators/operator_case.h"

namespace dermis {

using OperatorRows = std::vector<OperatorRow>;

OperatorRows rms_norm_rows(const OperatorSetting& setting);  // with and without the residual
OperatorRows layer_norm_rows(const OperatorSetting& setting);
OperatorRows rope_rows(const OperatorSetting& setting);
OperatorRows activation_rows(const OperatorSetting& setting);  // gated GELU and SiLU, GELU
OperatorRows embedding_rows_of(const OperatorSetting& setting);
OperatorRows linear_ce_rows(const OperatorSetting& setting);
OperatorRows optimizer_rows(const OperatorSetting& setting);  // AdamW, gradient norm
OperatorRows sampling_rows(const OperatorSetting& setting);
OperatorRows image_rows(const OperatorSetting& setting);

OperatorRows all_operator_rows(const OperatorSetting& setting);

}  // namespace dermis
