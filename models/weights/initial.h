// Initial weights: the encoder's with the deviations of transformers' SigLIP class, its attention and positions as
// mimetic initialisation has them (parameter_table.cpp), the decoder's normal with a deviation of 1 / sqrt(inputs).
// Every tensor is keyed by (seed, its name), so that none depends on the order or number of the others.
#pragma once

#include <cstdint>
#include <span>

#include "models/weights/parameter_table.h"

namespace dermis {

void draw_initial(const ParameterSpec& spec, uint64_t seed, std::span<float> values);

}  // namespace dermis
