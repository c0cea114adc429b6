// Placeholders that every pack has besides its attributes and strata. a_NAME is NAME with its article.
#pragma once

#include <string>
#include <vector>

namespace dermis {

// label malignancy group typical plain advice: of the item's class. others: what it may be mistaken for. differential:
// "A (60 %), B (40 %)", when the item has one. options: the choices of a closed question. value: what a yes-or-no
// question asks about. subject: what the field's pictures show. modality: as the item says.
const std::vector<std::string>& built_in_placeholders();
bool is_built_in_placeholder(const std::string& name);

// "a_border" -> "border"; any other name as it is.
std::string without_article(const std::string& placeholder);
std::string with_article(const std::string& noun);  // "a nevus", "an irregular"

}  // namespace dermis
