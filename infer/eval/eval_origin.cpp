#include "infer/eval/eval_origin.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dermis {

std::string extent_text(const EvalOrigin& o) {
  std::string text =
      o.pictures < o.pictures_in_set
          ? fmt::format("only the first {} of the set's {} pictures (--limit)", o.pictures, o.pictures_in_set)
          : fmt::format("all {} pictures of the set", o.pictures_in_set);
  if (!o.question_types.empty()) text += fmt::format(", questions {} alone", fmt::join(o.question_types, ", "));
  return text;
}

nlohmann::ordered_json to_json(const EvalOrigin& o) {
  return {{"date", o.date},
          {"engine_version", o.engine_version},
          {"model", o.model},
          {"model_digest", o.model_digest},
          {"precision", o.precision},
          {"shards", o.shards},
          {"shards_fingerprint", o.shards_fingerprint},
          {"licence", o.licence},
          {"pictures", o.pictures},
          {"pictures_in_set", o.pictures_in_set},
          {"question_types", o.question_types},
          {"views", o.views.count},
          {"crops", o.views.crops},
          {"notes", o.notes},
          {"contamination", to_json(o.contamination)}};
}

}  // namespace dermis
