// One question-answer conversation about one item: what synth makes, checks judge, shards hold and training reads.
// The JSON form is described by docs/schemas/record.schema.json.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/item.h"

namespace dermis {

struct Turn {
  std::string question;
  std::string answer;
  std::vector<std::string> options;  // closed question: every admissible answer, this one's among them; empty when open
};

struct Verdict {
  std::string check;  // "schema", "label_contradiction", "hidden_context_leak", "novelty", ...
  bool passed = true;
  double score = 0;    // meaning depends on the check; 0 when it has none
  std::string reason;  // empty when passed
};

struct Record {
  int schema = 1;
  std::string id;  // "<item id>/<question type>/<n>"
  // identity and source: repeated from the item so that a shard stands on its own
  std::string item, sha256, phash, group, patient, lesion, split;
  std::string source, version, licence, attribution, modality, label, label_basis;
  std::vector<std::pair<std::string, double>> differential;
  std::map<std::string, std::string>
      strata;  // skin tone, age band, sex, site, device: for evaluation, never in a prompt unless asked
  // generation
  std::string question_type;  // id of the field pack's question type, e.g. "diagnosis_closed"
  std::string template_id, template_version;
  std::string hidden_context;  // what the teacher was told; never trained on
  std::string teacher, teacher_digest, engine_version, finish_reason;
  std::string request_key;  // hash of everything that determines the request
  uint64_t seed = 0;
  nlohmann::ordered_json decoding = nlohmann::ordered_json::object();
  std::vector<Turn> turns;
  std::vector<Verdict> checks;
  nlohmann::ordered_json review =
      nlohmann::ordered_json::object();  // state, reviewers, verdicts, reasons, diff, times, policy version
  double weight = 1.0;                   // training weight
};

nlohmann::ordered_json to_json(const Record& record);
Record record_from_json(const nlohmann::ordered_json& json, const std::string& where);

}  // namespace dermis
