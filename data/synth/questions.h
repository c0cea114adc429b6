// One question of a type about an item: wording, options and the right answer of a closed one.
#pragma once

#include <optional>

#include "data/fields/grammar.h"
#include "data/synth/plan.h"

namespace dermis {

// Parsed question texts of a pack, made once.
class QuestionBank {
 public:
  explicit QuestionBank(const FieldPack& pack);
  struct Texts {
    Grammar context;  // empty without one
    std::vector<Grammar> questions;
  };
  const Texts& of(const QuestionType& type) const;

 private:
  std::map<const QuestionType*, Texts> texts_;
};

// Does the type apply to the item: its source, what it needs, at least two options for a closed question, and some of
// its context in the set.
bool type_applies(const QuestionType& type, const Item& item, const FieldPack& pack, const DataVocabulary& vocabulary,
                  const QuestionBank& bank);

// Nothing when no paraphrase can be filled in from the item. `wording`: which of the item's records of this type.
std::optional<PlannedTurn> make_turn(const QuestionType& type, const Item& item, const FieldPack& pack,
                                     const DataVocabulary& vocabulary, const QuestionBank& bank, uint64_t seed,
                                     int wording = 0);

}  // namespace dermis
