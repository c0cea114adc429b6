// Four generations of tensor names for the same weights, and the one that dermis uses inside.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dermis {

// The canonical name (layout of save_pretrained since transformers 5.6) of a tensor name of any generation:
//   hub             language_model.model.*        vision_tower.vision_model.*        multi_modal_projector.*
//   4.52 to 5.5     model.language_model.*        model.vision_tower.vision_model.*  model.multi_modal_projector.*
//   module          model.language_model.*        model.vision_tower.*               model.multi_modal_projector.*
//   canonical       language_model.model.*        vision_tower.*                     multi_modal_projector.*
// The head (lm_head.weight, language_model.lm_head.weight) becomes kHeadName. Other names are returned as they are.
std::string canonical_name(std::string_view name);

inline constexpr const char* kHeadName = "lm_head.weight";

// Which generation a list of names is of, for the report: "hub", "transformers 4.52 to 5.5", "module",
// "transformers 5.6".
std::string name_generation(const std::vector<std::string>& names);

// Tensors that a PaliGemma file may hold and the model has no use for: SigLIP's pooling head, position counters.
bool may_be_unused(const std::string& canonical);

}  // namespace dermis
