// Which questions are asked about which item, before any teacher is asked.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/synth/vocabulary.h"

namespace dermis {

struct SynthPlan {
  std::string style = "short";            // short | full: which question types take part when `weights` is empty
  int questions_per_item = 2;             // records an item; 0: every type that fits, once
  std::vector<std::string> always;        // types that each fitting item gets first
  std::map<std::string, double> weights;  // type -> weight of being drawn; empty: all of the style, equally
  std::vector<std::string> splits;        // sides that get questions; empty: all
  uint64_t seed = 0;
};

// Defaults of a style. short: diagnosis_closed always, then others drawn. full: one general and one source-specific
// question, then others.
SynthPlan default_plan(const std::string& style);

// Reads a plan file over `plan` (keys as above). Error(data) names file and key; unknown types name the nearest one.
SynthPlan read_plan(const std::string& path, SynthPlan plan);
// Question types that the pack has, splits that there are; `where` is the option or the file that named them.
void check_types(const SynthPlan& plan, const FieldPack& pack, const std::string& where);
void check_splits(const SynthPlan& plan, const std::string& where);
void check_plan(const SynthPlan& plan, const FieldPack& pack, const std::string& where);  // both

struct PlannedTurn {
  const QuestionType* type = nullptr;
  std::string template_id;  // "<type>.q<number of the paraphrase>"
  std::string question;
  std::vector<std::string> options;  // closed
  std::string expected;              // closed: the right option
};

struct PlannedRecord {
  const Item* item = nullptr;
  const QuestionType* type = nullptr;
  std::string id;  // "<item id>/<question type>/<n>"
  std::vector<PlannedTurn> turns;
};

// In the order of the items. A pure function of (items, pack, plan): draws are keyed by (seed, item, type).
// `items` and `pack` must outlive the result.
std::vector<PlannedRecord> plan_records(const std::vector<Item>& items, const FieldPack& pack, const SynthPlan& plan);

}  // namespace dermis
