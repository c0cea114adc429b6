// RMSNorm on the GPU: y = s / sqrt(mean(s^2) + eps) * (weight_offset + weight), s = x or x + residual (rounded to the
// type of x before it is normalised, as LibTorch's operators would). Statistics and sums are fp32.
//
// Launchers return 0 or a cudaError_t; cudaErrorInvalidValue for a width above kWidestRmsNorm. No alignment is
// required; rows at multiples of 16 bytes are moved 16 bytes at a time. Outputs must not overlap inputs. fp16: what
// exceeds 65504 becomes infinite.
#pragma once

#include "kernels/machine/matrix.h"
#include "kernels/machine/team_shape.h"

namespace dermis {

constexpr int64_t kWidestRmsNorm = kWidestTeamRow;

// Bytes moved: rows * width * element size * (2, with a residual 4).
struct RmsNormForwardParams {
  ElementType type = ElementType::fp32;         // of x, residual, sum, y
  ElementType weight_type = ElementType::fp32;  // of weight
  InputRows x = {}, residual = {};              // [rows, width]; residual null: none
  const void* weight = nullptr;                 // [width]
  OutputRows sum = {};                          // [rows, width]: s; with a residual only
  OutputRows y = {};                            // [rows, width]
  float* inverse_rms = nullptr;                 // [rows] for the backward pass; null: not wanted
  int64_t rows = 0;
  int32_t width = 0;
  float eps = 0, weight_offset = 0;
};
int launch_rms_norm_forward(const RmsNormForwardParams& params, void* stream);

// With r = inverse_rms and v = grad_y (weight_offset + weight):
//   grad_x = grad_sum + r v - s r^3 mean(v s)         (of x and of the residual alike)
//   grad_weight = sum over rows of grad_y s r         (in two stages, bit-equal from run to run)
// Bytes moved: rows * width * element size * (3, with grad_sum 4), and partials twice.
struct RmsNormBackwardParams {
  ElementType type = ElementType::fp32;         // of s, grad_y, grad_sum, grad_x
  ElementType weight_type = ElementType::fp32;  // of weight, grad_weight
  InputRows s = {}, grad_y = {};                // [rows, width]; s is what was normalised
  InputRows grad_sum = {};                      // [rows, width] gradient of the sum's other uses; null: none
  const void* weight = nullptr;                 // [width]
  const float* inverse_rms = nullptr;           // [rows]
  OutputRows grad_x = {};                       // [rows, width]
  void* grad_weight = nullptr;                  // [width]; null: not wanted
  float* partials = nullptr;  // scratch [partial_rows(rows, width), width] (team_shape.h); with grad_weight only
  int64_t rows = 0;
  int32_t width = 0;
  float weight_offset = 0;
};
int launch_rms_norm_backward(const RmsNormBackwardParams& params, void* stream);

}  // namespace dermis
