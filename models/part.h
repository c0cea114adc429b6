// The parts of a model that recipes freeze or give a learning rate of their own.
#pragma once

namespace dermis {

enum class Part { vision, projector, language };
const char* name_of(Part part);

}  // namespace dermis
