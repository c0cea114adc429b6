#include "infer/eval/prediction.h"

#include "core/error.h"

namespace dermis {

nlohmann::ordered_json to_json(const Prediction& p) {
  nlohmann::ordered_json json = {{"id", p.id},
                                 {"item", p.item},
                                 {"group", p.group},
                                 {"label", p.label},
                                 {"type", p.question_type},
                                 {"strata", p.strata},
                                 {"sample", p.sample},
                                 {"question", p.question},
                                 {"expected", p.expected},
                                 {"predicted", p.predicted}};
  if (p.closed()) {
    json["options"] = p.options;
    json["probabilities"] = p.probabilities;
  } else {
    json["valid"] = p.valid;
    json["finished"] = p.finished;
  }
  json["log_likelihood"] = p.log_likelihood;
  return json;
}

Prediction prediction_from_json(const nlohmann::ordered_json& json, const std::string& where) {
  try {
    Prediction p;
    json.at("id").get_to(p.id);
    json.at("item").get_to(p.item);
    json.at("group").get_to(p.group);
    json.at("label").get_to(p.label);
    json.at("type").get_to(p.question_type);
    p.strata = json.at("strata").get<std::map<std::string, std::string>>();
    json.at("sample").get_to(p.sample);
    json.at("question").get_to(p.question);
    json.at("expected").get_to(p.expected);
    json.at("predicted").get_to(p.predicted);
    if (json.contains("options")) {
      json.at("options").get_to(p.options);
      json.at("probabilities").get_to(p.probabilities);
    }
    p.valid = json.value("valid", true);
    p.finished = json.value("finished", true);
    json.at("log_likelihood").get_to(p.log_likelihood);
    return p;
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::data, {.what = "a prediction line does not have the expected fields",
                                  .where = where,
                                  .found = error.what(),
                                  .fix = "give the folder that 'dermis eval' wrote, or evaluate anew with --restart"});
  }
}

nlohmann::ordered_json to_json(const PredictionHeader& h) {
  return {{"header", 1},
          {"model", h.model},
          {"model_digest", h.model_digest},
          {"shards", h.shards},
          {"shards_fingerprint", h.shards_fingerprint},
          {"engine_version", h.engine_version},
          {"views", h.views.count},
          {"crops", h.views.crops},
          {"max_new_tokens", h.max_new_tokens},
          {"precision", h.precision},
          {"correction", h.correction}};
}

}  // namespace dermis
