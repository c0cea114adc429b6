// Bodies of the RMSNorm kernels: a team a row (kernels/machine/team_shape.h), the row in registers between statistics
// and result. The next row is on its way while this one is summed.
#pragma once

#include "kernels/column_sum/column_sum_cuda.h"
#include "kernels/machine/row_team.h"
#include "kernels/rms_norm/rms_norm_cuda.h"

namespace dermis {

template <class E>
struct RmsNormForwardKernel {
  using Params = RmsNormForwardParams;
  static constexpr int kThreads = kMostTeamThreads, kBlocksPerSm = 1;
  static constexpr uint32_t kSharedBytes = kTeamSharedBytes;

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
    float scale[kEight];
    load_numbers(m, p.weight_type, p.weight, p.width, column, scale);
    DERMIS_UNROLL
    for (float& s : scale) s += p.weight_offset;

    const int64_t step = team.step(m);
    Inputs next = load(team.row(team.first_base(m)));
    for (int64_t base = team.first_base(m); base < p.rows; base += step) {
      const int64_t row = team.row(base);
      const Inputs inputs = next;
      next = load(row + step);
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
      float squares[1] = {};
      DERMIS_UNROLL
      for (const float v : s) squares[0] = m.fma(v, v, squares[0]);
      team.sum(m, squares);
      const float inverse = m.rsqrt(m.fma(squares[0], per_column, p.eps));
      DERMIS_UNROLL
      for (int i = 0; i < kEight; ++i) s[i] *= inverse * scale[i];
      if (row >= p.rows) continue;
      y.row(row).store(m, column, s);
      if (p.inverse_rms != nullptr && team.leads()) m.store(p.inverse_rms + row, inverse);
    }
  }
};

template <class E>
struct RmsNormBackwardKernel {
  using Params = RmsNormBackwardParams;
  static constexpr int kThreads = kMostTeamThreads, kBlocksPerSm = 1;
  static constexpr uint32_t kSharedBytes = kTeamSharedBytes;
  static constexpr bool kAhead = sizeof(E) == 2;  // fp32 rows would not fit the registers of 1,024 threads

  struct Inputs {
    Eight<E> s, grad_y;
    float inverse;
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
        inputs = {s_rows.row(row).load(m, column), grad_y_rows.row(row).load(m, column), m.load(p.inverse_rms + row)};
      }
      return inputs;
    };
    float scale[kEight];
    load_numbers(m, p.weight_type, p.weight, p.width, column, scale);
    DERMIS_UNROLL
    for (float& v : scale) v += p.weight_offset;

    float grad_weight[kEight] = {};
    const int64_t step = team.step(m);
    Inputs next = {};
    if constexpr (kAhead) next = load(team.row(team.first_base(m)));
    for (int64_t base = team.first_base(m); base < p.rows; base += step) {
      const int64_t row = team.row(base);
      const Inputs inputs = kAhead ? next : load(row);
      if constexpr (kAhead) next = load(row + step);
      float s[kEight], grad[kEight], product[1] = {};
      unpack_eight(m, inputs.s, s);
      unpack_eight(m, inputs.grad_y, grad);
      const float r = inputs.inverse;
      DERMIS_UNROLL
      for (int i = 0; i < kEight; ++i) {
        s[i] *= r;  // normalised; a row beyond the last is all zeros
        grad_weight[i] = m.fma(grad[i], s[i], grad_weight[i]);
        grad[i] *= scale[i];
        product[0] = m.fma(grad[i], s[i], product[0]);
      }
      team.sum(m, product);
      if (row >= p.rows) continue;
      const float mean = product[0] * per_column;
      DERMIS_UNROLL
      for (int i = 0; i < kEight; ++i) grad[i] = r * m.fma(-mean, s[i], grad[i]);
      if (grad_sum_rows) {
        float other[kEight];
        grad_sum_rows.row(row).load(m, column, other);
        DERMIS_UNROLL
        for (int i = 0; i < kEight; ++i) grad[i] += other[i];
      }
      grad_x_rows.row(row).store(m, column, grad);
    }
    if (p.grad_weight != nullptr) {
      const Rows<float> partials(p.partials, p.width, p.width);
      partials.row(team.row(team.first_base(m))).store(m, column, grad_weight);
    }
  }
};

inline Launch rms_norm_forward_launch(const RmsNormForwardParams& p) {
  return team_launch(p.width, team_blocks(p.rows, p.width));
}
inline Launch rms_norm_backward_launch(const RmsNormBackwardParams& p) {
  return team_launch(p.width, summing_blocks(p.rows, p.width));
}
inline ColumnSumParams rms_norm_weight_sum(const RmsNormBackwardParams& p) {
  return {.partials = p.partials,
          .sums = {p.grad_weight},
          .type = p.weight_type,
          .rows = partial_rows(p.rows, p.width),
          .width = p.width};
}

}  // namespace dermis
