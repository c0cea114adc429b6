// Placeholders that every pack has besides its attributes and strata.
#pragma once

#include <string>
#include <vector>

namespace dermis {

// label a_label (with its article) malignancy group a_group typical plain advice: of the item's class.
// differential: "A (60 %), B (40 %)". options: the choices of a closed question. value: what a yes-or-no question asks
// about. subject: what the field's pictures show. modality: as the item says.
const std::vector<std::string>& built_in_placeholders();
bool is_built_in_placeholder(const std::string& name);

}  // namespace dermis
