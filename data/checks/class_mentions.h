// Where a text names classes of a field.
#pragma once

#include <string>
#include <vector>

#include "data/fields/field_pack.h"

namespace dermis {

struct ClassMention {
  size_t at = 0;  // byte offset
  const ClassInfo* info = nullptr;
  bool negated = false;  // "not a melanoma", "rather than melanoma", "unlike melanoma"
};

// Names and synonyms as whole words, the longest first, so that "actinic keratosis" is no "keratosis" and "lentigo
// maligna" no "lentigo". In order of place. Source codes are not looked for in text.
std::vector<ClassMention> find_class_mentions(const std::string& text, const FieldPack& pack);

}  // namespace dermis
