// AdamW over many tensors in one launch, and the sum of squares of many gradients, on the GPU. Formulas and factors are
// those of adamw_blocks.h. Tensors lie in a table in device memory; blocks take kTensorBlock numbers of one tensor
// each.
#pragma once

#include <span>
#include <vector>

#include "kernels/adamw/adamw_blocks.h"
#include "kernels/machine/machine.h"

namespace dermis {

// Numbers of a tensor that one block takes.
constexpr int64_t kTensorBlock = 16384;

// Which tensor each block belongs to; tensor t's blocks begin at first_block[t].
struct TensorBlocks {
  std::vector<int32_t> tensor_of_block;
  std::vector<int64_t> first_block;  // [tensors]
};
inline TensorBlocks tensor_blocks(std::span<const int64_t> counts) {
  TensorBlocks blocks;
  for (const int64_t count : counts) {
    blocks.first_block.push_back(static_cast<int64_t>(blocks.tensor_of_block.size()));
    blocks.tensor_of_block.insert(blocks.tensor_of_block.end(), static_cast<size_t>(ceil_div(count, kTensorBlock)),
                                  static_cast<int32_t>(blocks.first_block.size() - 1));
  }
  return blocks;
}

// How a 16-bit parameter is rounded.
//   nearest     to nearest even. Without a master copy, steps below half a unit in the last place are lost.
//   stochastic  bf16 without a master copy only: up or down with the probability that makes the mean exact, so that
//               small steps add up. Numbers come from Philox: a piece of eight parameters starting at 8 n draws block n
//               of the stream {n low, n high, stream[0], stream[1]} under `key`, and takes 16 bits each, low half of
//               word 0 first. `key` and `stream` are key and start of
//               random_stream(seed, RandomPurpose::rounding, step, tensor) (core/random.h).
enum class ParameterRounding : int32_t { nearest = 0, stochastic = 1 };

// Moments are fp32. With `master` the fp32 copy is what is updated and the parameter becomes its rounding.
// No alignment is required; arrays at multiples of 16 bytes are moved 16 bytes at a time. Arrays must not overlap.
struct alignas(16) AdamWTensorEntry {
  void* parameter = nullptr;       // [count] of parameter_type
  const void* gradient = nullptr;  // [count] of gradient_type
  float* first_moment = nullptr;   // [count]
  float* second_moment = nullptr;  // [count]
  float* master = nullptr;         // [count]; null: the parameter itself
  int64_t count = 0, first_block = 0;
  ElementType parameter_type = ElementType::fp32, gradient_type = ElementType::fp32;
  ParameterRounding rounding = ParameterRounding::nearest;
  uint32_t key[2] = {}, stream[2] = {};
  AdamWFactors factors = {};
};

// Bytes moved, a number: gradient once, moments 16, and the parameter twice (with a master copy once, and 8).
// Returns 0 or a cudaError_t.
struct AdamWParams {
  const AdamWTensorEntry* tensors = nullptr;  // device memory
  const int32_t* tensor_of_block = nullptr;   // [blocks], device memory
  int64_t blocks = 0;
};
int launch_adamw(const AdamWParams& params, void* stream);

struct alignas(16) GradientEntry {
  const void* data = nullptr;  // [count]
  int64_t count = 0, first_block = 0;
  ElementType type = ElementType::fp32;
};

// sum_of_squares = sum over all tensors of x^2: eight squares are added in fp32, everything else in fp64, always in the
// same order, so that the norm does not change from run to run. Numbers above 1e19 overflow to infinity.
// Bytes moved: all gradients once. Returns 0 or a cudaError_t.
struct GradientNormParams {
  const GradientEntry* tensors = nullptr;    // device memory
  const int32_t* tensor_of_block = nullptr;  // [blocks], device memory
  double* partials = nullptr;                // [blocks] scratch
  double* sum_of_squares = nullptr;          // [1]
  int64_t blocks = 0;
};
int launch_gradient_norm(const GradientNormParams& params, void* stream);

}  // namespace dermis
