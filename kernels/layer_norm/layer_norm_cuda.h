// LayerNorm on the GPU: y = (s - mean(s)) / sqrt(var(s) + eps) * weight + bias, s = x or x + residual (rounded to the
// type of x before it is normalised, as LibTorch's operators would). Statistics and sums are fp32; the variance is that
// of deviations, so rows whose mean is far from zero keep their digits.
//
// Launchers return 0 or a cudaError_t; cudaErrorInvalidValue for a width above kWidestTeamRow. No alignment is
// required; rows at multiples of 16 bytes are moved 16 bytes at a time. Outputs must not overlap inputs. fp16: what
// exceeds 65504 becomes infinite.
#pragma once

#include "kernels/machine/matrix.h"
#include "kernels/machine/team_shape.h"

namespace dermis {

// Bytes moved: rows * width * element size * (2, with a residual 4).
struct LayerNormForwardParams {
  ElementType type = ElementType::fp32;         // of x, residual, sum, y
  ElementType weight_type = ElementType::fp32;  // of weight, bias
  InputRows x = {}, residual = {};              // [rows, width]; residual null: none
  const void* weight = nullptr;                 // [width]
  const void* bias = nullptr;                   // [width]
  OutputRows sum = {};                          // [rows, width]: s; with a residual only
  OutputRows y = {};                            // [rows, width]
  float* mean = nullptr;                        // [rows] for the backward pass; null: not wanted
  float* inverse_deviation = nullptr;           // [rows]; null together with mean
  int64_t rows = 0;
  int32_t width = 0;
  float eps = 0;
};
int launch_layer_norm_forward(const LayerNormForwardParams& params, void* stream);

// With n = (s - mean) r, r = inverse_deviation, v = grad_y weight:
//   grad_x = grad_sum + r (v - mean(v) - n mean(v n))            (of x and of the residual alike)
//   grad_weight = sum over rows of grad_y n, grad_bias = sum over rows of grad_y
// The sums are made in two stages, bit-equal from run to run.
// Bytes moved: rows * width * element size * (3, with grad_sum 4), and partials twice.
struct LayerNormBackwardParams {
  ElementType type = ElementType::fp32;         // of s, grad_y, grad_sum, grad_x
  ElementType weight_type = ElementType::fp32;  // of weight, grad_weight, grad_bias
  InputRows s = {}, grad_y = {};                // [rows, width]; s is what was normalised
  InputRows grad_sum = {};                      // [rows, width] gradient of the sum's other uses; null: none
  const void* weight = nullptr;                 // [width]
  const float* mean = nullptr;                  // [rows]
  const float* inverse_deviation = nullptr;     // [rows]
  OutputRows grad_x = {};                       // [rows, width]
  void* grad_weight = nullptr;                  // [width]; null: not wanted
  void* grad_bias = nullptr;                    // [width]; null: not wanted
  float* partials = nullptr;  // scratch [2, partial_rows(rows, width), width] (team_shape.h); with either of the two
  int64_t rows = 0;
  int32_t width = 0;
};
int launch_layer_norm_backward(const LayerNormBackwardParams& params, void* stream);

}  // namespace dermis
