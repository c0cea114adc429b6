// The whole of synthesis: plan, ask, parse, check, write.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/synth/teacher.h"

namespace dermis {

struct SynthOptions {
  std::string out;  // folder: records.jsonl, rejected.jsonl, synth_report.json and .txt, replies.jsonl
  SynthPlan plan;
  int threads = 2;
  bool replace = false;  // records of another run in `out`
};

struct SynthReport {
  std::string field, field_digest, teacher;
  int64_t items = 0, items_with_records = 0;
  int64_t planned = 0, accepted = 0, failed = 0;
  std::map<std::string, int64_t> rejected;                    // reason -> count: "parse" or the check's name
  std::map<std::string, int64_t> by_type;                     // accepted
  std::map<std::string, int64_t> by_label;                    // accepted
  std::vector<std::pair<std::string, std::string>> failures;  // record id, why the teacher gave no reply
  int64_t asked = 0, kept_from_before = 0;                    // replies: asked now, found in replies.jsonl
  int64_t repaired = 0;
  std::string plan_digest;  // over every request and its item: a run that may repeat what stands in `out` has the same
  double seconds = 0;
};

// Replies go to replies.jsonl as they come, so that a killed run asks only for what is missing; the other files are
// written at the end, whole or not at all, and are the same whatever the number of threads or interruptions.
// planned = accepted + rejected by reason + failed, or Error(internal). Error(data) when nothing can be planned,
// nothing is accepted, or `out` holds the records of another plan.
SynthReport synthesise(const std::vector<Item>& items, const FieldPack& pack, Teacher& teacher,
                       const SynthOptions& options);

nlohmann::ordered_json to_json(const SynthReport& report);
std::string report_text(const SynthReport& report);

}  // namespace dermis
