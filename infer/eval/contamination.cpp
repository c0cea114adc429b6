#include "infer/eval/contamination.h"

#include <fmt/core.h>

#include "core/error.h"

namespace dermis {

Recognition check_contamination(const std::string& model_folder, const ShardReader& held_out) {
  return recognise(read_train_manifest(model_folder), held_out);
}

void refuse_contamination(const Recognition& contamination, const std::string& shards) {
  if (contamination.known.empty()) return;
  std::string found = describe(contamination);
  if (contamination.by_hash_alone > 0) {
    found += fmt::format("; {} of them by perceptual hash alone, for want of the training shards",
                         contamination.by_hash_alone);
  }
  throw Error(ErrorKind::data,
              {.what = "the model was trained on part of this held-out set",
               .where = shards,
               .expected = "no picture, lesion, patient or leakage group of the training manifest",
               .found = found,
               .fix = std::string("split again ('dermis data split --fix-leaks') before training, or pass "
                                  "--allow-contaminated to get figures marked as such") +
                      (contamination.by_hash_alone > 0
                           ? "; run where the training shards are to have look-alikes compared by pixels"
                           : "")});
}

std::string verdict_of(const Recognition& contamination) {
  if (!contamination.known.empty()) return "contaminated";
  return contamination.gaps.empty() ? "clean" : "not checked";
}

nlohmann::ordered_json to_json(const Recognition& contamination) {
  nlohmann::ordered_json by = nlohmann::ordered_json::object();
  for (const KnownPicture& picture : contamination.known) {
    nlohmann::ordered_json& count = by[describe(picture.by)];
    count = count.is_null() ? 1 : count.get<int64_t>() + 1;
  }
  return {{"verdict", verdict_of(contamination)},
          {"pictures", contamination.known.size()},
          {"by", by},
          {"not_compared", contamination.gaps}};
}

}  // namespace dermis
