// A teacher without a model: closed questions get their right option, open ones a text of the field pack's answer
// grammar over the item's class and metadata. Deterministic: draws are keyed by the request's key.
#pragma once

#include <memory>

#include "data/synth/teacher.h"

namespace dermis {

// `pack` must outlive the teacher. `digest` of the teacher is that of the pack.
std::unique_ptr<Teacher> make_template_teacher(const FieldPack& pack);

}  // namespace dermis
