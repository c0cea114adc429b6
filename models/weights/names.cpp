#include "models/weights/names.h"

#include <algorithm>

namespace dermis {
namespace {

bool take_prefix(std::string_view& name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  return true;
}

std::string join(std::string_view prefix, std::string_view rest) { return std::string(prefix).append(rest); }

}  // namespace

std::string canonical_name(std::string_view name) {
  std::string_view rest = name;
  if (name == kHeadName || name == "language_model.lm_head.weight") return kHeadName;
  if (take_prefix(rest, "model.language_model.")) return join("language_model.model.", rest);
  if (take_prefix(rest, "model.vision_tower.vision_model.") || take_prefix(rest, "vision_tower.vision_model.") ||
      take_prefix(rest, "model.vision_tower."))
    return join("vision_tower.", rest);
  if (take_prefix(rest, "model.multi_modal_projector.")) return join("multi_modal_projector.", rest);
  return std::string(name);
}

std::string name_generation(const std::vector<std::string>& names) {
  const auto any = [&](std::string_view prefix) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return name.starts_with(prefix); });
  };
  if (any("model.vision_tower.vision_model.")) return "transformers 4.52 to 5.5";
  if (any("model.vision_tower.")) return "module";
  if (any("vision_tower.vision_model.")) return "hub";
  if (any("vision_tower.")) return "transformers 5.6";
  return "unknown";
}

bool may_be_unused(const std::string& canonical) {
  return canonical == kHeadName || canonical.starts_with("vision_tower.head.") ||
         canonical.ends_with(".position_ids") || canonical.ends_with(".rotary_emb.inv_freq");
}

}  // namespace dermis
