#include <algorithm>

#include "data/checks/checks.h"
#include "data/checks/class_mentions.h"
#include "data/fields/text.h"

namespace dermis {
namespace {

Verdict contradiction(const std::string& reason) { return {"label_contradiction", false, 0, reason}; }
const Verdict kConsistent{"label_contradiction", true, 0, ""};

std::string closed_reason(const Turn& turn, const QuestionType& type, const ClassInfo& label, const FieldPack& pack) {
  std::string expected;
  switch (type.target) {
    case AnswerTarget::label: expected = label.name; break;
    case AnswerTarget::malignant: expected = label.malignancy == "malignant" ? "yes" : "no"; break;
    case AnswerTarget::group: expected = pack.group_name(label); break;
    case AnswerTarget::contains: {
      if (type.about != "label") return "";
      const auto mentions = find_class_mentions(turn.question, pack);
      if (mentions.empty()) return "the question names no class";
      expected = mentions.front().info->id == label.id ? "yes" : "no";
      break;
    }
    default: return "";
  }
  if (turn.answer == expected) return "";
  return "the answer is '" + turn.answer + "', the label gives '" + expected + "'";
}

// The wrong malignancy is one that the answer states while it never states the right one.
std::string malignancy_reason(const std::string& answer, const ClassInfo& label) {
  const auto states = [&](const char* word) {
    for (const size_t at : find_phrase(answer, word)) {
      const std::vector<std::string> before = words_of(answer.substr(0, at));
      const bool negated =
          !before.empty() && (before.back() == "not" || before.back() == "no" || before.back() == "non");
      if (!negated) return true;
    }
    return false;
  };
  for (const char* word : {"benign", "malignant"}) {
    if (label.malignancy != word && states(word) && !states(label.malignancy.c_str())) {
      return std::string("the answer says ") + word + ", the class is " + label.malignancy;
    }
  }
  return "";
}

std::string open_reason(const Turn& turn, const QuestionType* type, const ClassInfo& label, const FieldPack& pack) {
  std::vector<ClassMention> mentions = find_class_mentions(turn.answer, pack);
  std::erase_if(mentions, [](const ClassMention& mention) { return mention.negated; });
  const bool others_allowed = type != nullptr && type->names_others;
  bool label_named = false;
  for (const ClassMention& mention : mentions) {
    if (mention.info->id == label.id) {
      label_named = true;
    } else if (!others_allowed || !label_named) {
      return "the answer names " + mention.info->name + ", the label is " + label.name;
    }
  }
  return malignancy_reason(turn.answer, label);
}

}  // namespace

Verdict check_label_contradiction(const Record& record, const FieldPack& pack) {
  const ClassInfo* label = pack.find_class(record.label);
  if (label == nullptr) {
    return record.label.empty() ? kConsistent : contradiction("label '" + record.label + "' is in no class");
  }
  const auto types = turn_types(record, pack);
  for (size_t i = 0; i < record.turns.size(); ++i) {
    const Turn& turn = record.turns[i];
    const bool closed = types[i] != nullptr && types[i]->closed();
    const std::string reason =
        closed ? closed_reason(turn, *types[i], *label, pack) : open_reason(turn, types[i], *label, pack);
    if (!reason.empty()) return contradiction(reason);
  }
  return kConsistent;
}

}  // namespace dermis
