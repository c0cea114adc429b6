// Bodies of the LayerNorm kernels: a team a row (kernels/machine/team_shape.h), the row in registers between statistics
// and result. The next row is on its way while this one is summed.
#pragma once

#include "kernels/column_sum/column_sum_cuda.h"
#include "kernels/layer_norm/layer_norm_cuda.h"
#include "kernels/machine/row_team.h"

namespace dermis {

template <class E>
struct LayerNormForwardKernel {
  using Params = LayerNormForwardParams;
  static constexpr int kThreads = kMostTeamThreads, kBlocksPerSm = 1;
  static constexpr uint32_t kSharedBytes = kTeamSharedBytes;
  static constexpr bool kAhead = sizeof(E) == 2;  // fp32 rows would not fit the registers of 1,024 threads

  struct Inputs {
    Eight<E> x, residual;
  };

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    RowTeam team(m, p.width);
    const int32_t column = team.column();
    const float per_column = m.reciprocal(static_cast<float>(p.width));
    const Rows<const E> x(p.x, p.width), residual(p.residual, p.width);
    const Rows<E> sum(p.sum, p.width), y(p.y, p.width);
    const auto load = [&](int64_t row) {
      Inputs inputs = {};
      if (row < p.rows) {
        inputs.x = x.row(row).load(m, column);
        if (residual) inputs.residual = residual.row(row).load(m, column);
      }
      return inputs;
    };
    float weight[kEight], bias[kEight];
    load_numbers(m, p.weight_type, p.weight, p.width, column, weight);
    load_numbers(m, p.weight_type, p.bias, p.width, column, bias);

    const int64_t step = team.step(m);
    Inputs next = {};
    if constexpr (kAhead) next = load(team.row(team.first_base(m)));
    for (int64_t base = team.first_base(m); base < p.rows; base += step) {
      const int64_t row = team.row(base);
      const Inputs inputs = kAhead ? next : load(row);
      if constexpr (kAhead) next = load(row + step);
      float s[kEight];
      unpack_eight(m, inputs.x, s);
      if (residual) {
        float other[kEight];
        unpack_eight(m, inputs.residual, other);
        DERMIS_UNROLL
        for (int i = 0; i < kEight; ++i) s[i] += other[i];
        const Eight<E> rounded = pack_eight<E>(m, s);
        if (row < p.rows) sum.row(row).store(m, column, rounded);
        unpack_eight(m, rounded, s);
      }
      float total[1] = {};
      DERMIS_UNROLL
      for (const float v : s) total[0] += v;
      team.sum(m, total);
      const float mean = total[0] * per_column;
      float squares[1] = {};
      DERMIS_UNROLL
      for (int i = 0; i < kEight; ++i) {
        s[i] = column + i < p.width ? s[i] - mean : 0;
        squares[0] = m.fma(s[i], s[i], squares[0]);
      }
      team.sum(m, squares);
      const float inverse = m.rsqrt(m.fma(squares[0], per_column, p.eps));
      if (row >= p.rows) continue;
      DERMIS_UNROLL
      for (int i = 0; i < kEight; ++i) s[i] = m.fma(s[i] * inverse, weight[i], bias[i]);
      y.row(row).store(m, column, s);
      if (p.mean != nullptr && team.leads()) {
        m.store(p.mean + row, mean);
        m.store(p.inverse_deviation + row, inverse);
      }
    }
  }
};

template <class E>
struct LayerNormBackwardKernel {
  using Params = LayerNormBackwardParams;
  static constexpr int kThreads = kMostTeamThreads, kBlocksPerSm = 1;
  static constexpr uint32_t kSharedBytes = kTeamSharedBytes;
  static constexpr bool kAhead = sizeof(E) == 2;

  struct Inputs {
    Eight<E> s, grad_y;
    float mean, inverse;
  };

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    RowTeam team(m, p.width);
    const int32_t column = team.column();
    const float per_column = m.reciprocal(static_cast<float>(p.width));
    const Rows<const E> s_rows(p.s, p.width), grad_y_rows(p.grad_y, p.width), grad_sum_rows(p.grad_sum, p.width);
    const Rows<E> grad_x_rows(p.grad_x, p.width);
    const auto load = [&](int64_t row) {
      Inputs inputs = {};
      if (row < p.rows) {
        inputs = {s_rows.row(row).load(m, column), grad_y_rows.row(row).load(m, column), m.load(p.mean + row),
                  m.load(p.inverse_deviation + row)};
      }
      return inputs;
    };
    float weight[kEight];
    load_numbers(m, p.weight_type, p.weight, p.width, column, weight);

    float grad_weight[kEight] = {}, grad_bias[kEight] = {};
    const int64_t step = team.step(m);
    Inputs next = {};
    if constexpr (kAhead) next = load(team.row(team.first_base(m)));
    for (int64_t base = team.first_base(m); base < p.rows; base += step) {
      const int64_t row = team.row(base);
      const Inputs inputs = kAhead ? next : load(row);
      if constexpr (kAhead) next = load(row + step);
      const float r = inputs.inverse;
      float normal[kEight], grad[kEight];
      unpack_eight(m, inputs.s, normal);
      unpack_eight(m, inputs.grad_y, grad);
      DERMIS_UNROLL
      for (float& n : normal) n = (n - inputs.mean) * r;  // zeros of a row beyond the last
      float sums[2] = {};                                 // of v and v n; the gradient is zero beyond the width
      DERMIS_UNROLL
      for (int i = 0; i < kEight; ++i) {
        grad_weight[i] = m.fma(grad[i], normal[i], grad_weight[i]);
        grad_bias[i] += grad[i];
        grad[i] *= weight[i];
        sums[0] += grad[i];
        sums[1] = m.fma(grad[i], normal[i], sums[1]);
      }
      team.sum(m, sums);
      if (row >= p.rows) continue;
      const float mean_v = sums[0] * per_column, mean_vn = sums[1] * per_column;
      DERMIS_UNROLL
      for (int i = 0; i < kEight; ++i) grad[i] = r * m.fma(-mean_vn, normal[i], grad[i] - mean_v);
      if (grad_sum_rows) {
        float other[kEight];
        grad_sum_rows.row(row).load(m, column, other);
        DERMIS_UNROLL
        for (int i = 0; i < kEight; ++i) grad[i] += other[i];
      }
      grad_x_rows.row(row).store(m, column, grad);
    }
    if (p.grad_weight != nullptr || p.grad_bias != nullptr) {
      const int64_t teams = step, team_index = team.row(team.first_base(m));
      const Rows<float> partials(p.partials, p.width, p.width);
      partials.row(team_index).store(m, column, grad_weight);
      partials.row(teams + team_index).store(m, column, grad_bias);
    }
  }
};

inline Launch layer_norm_forward_launch(const LayerNormForwardParams& p) {
  return team_launch(p.width, team_blocks(p.rows, p.width));
}
inline Launch layer_norm_backward_launch(const LayerNormBackwardParams& p) {
  return team_launch(p.width, summing_blocks(p.rows, p.width));
}
inline ColumnSumParams layer_norm_weight_sum(const LayerNormBackwardParams& p) {
  return {.partials = p.partials,
          .sums = {p.grad_weight, p.grad_bias},
          .type = p.weight_type,
          .matrices = 2,
          .rows = partial_rows(p.rows, p.width),
          .width = p.width};
}

}  // namespace dermis
