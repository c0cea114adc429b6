#include <algorithm>

#include "core/io/read_file.h"
#include "data/checks/checks.h"
#include "data/fields/text.h"

namespace dermis {
namespace {

bool is_closed(const Turn& turn) { return !turn.options.empty(); }

Verdict phrase_verdict(const std::string& check, const Record& record, const std::vector<std::string>& phrases) {
  for (const Turn& turn : record.turns) {
    for (const std::string& phrase : phrases) {
      if (!find_phrase(turn.answer, phrase).empty()) return {check, false, 0, "the answer says '" + phrase + "'"};
    }
  }
  return {check, true, 0, ""};
}

std::string schema_reason(const Turn& turn) {
  if (trimmed(turn.question).empty()) return "empty question";
  if (trimmed(turn.answer).empty()) return "empty answer";
  for (const std::string& text : {turn.question, turn.answer}) {
    if (text.find('{') != std::string::npos || text.find('}') != std::string::npos) return "a placeholder is left over";
  }
  for (const std::string& word : words_of(turn.answer)) {
    if (word == "nan") return "a missing value stands as text";
  }
  if (turn.options.empty()) return "";
  if (turn.options.size() < 2) return "a closed question with one option";
  std::vector<std::string> sorted = turn.options;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) return "an option stands twice";
  if (!std::binary_search(sorted.begin(), sorted.end(), turn.answer)) return "the answer is none of the options";
  return "";
}

std::string language_reason(const std::string& text, double min_letters) {
  if (find_invalid_utf8(text) != std::string::npos) return "not UTF-8";
  size_t letters = 0, visible = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n') || byte == 0x7F) return "a control character";
    if (byte > 0x20) ++visible;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) ++letters;
  }
  if (!text.empty() && std::string(".,;:!?)]}-").find(text[0]) != std::string::npos) return "punctuation in front";
  if (static_cast<double>(letters) < min_letters * static_cast<double>(visible))
    return "too few letters for English text";
  return "";
}

}  // namespace

std::vector<const QuestionType*> turn_types(const Record& record, const FieldPack& pack) {
  const QuestionType* type = pack.find_type(record.question_type);
  std::vector<const QuestionType*> types(record.turns.size(), type);
  if (type == nullptr || type->turns.empty()) return types;
  for (size_t i = 0; i < types.size(); ++i)
    types[i] = i < type->turns.size() ? pack.find_type(type->turns[i]) : nullptr;
  return types;
}

Verdict check_schema(const Record& record, const FieldPack& pack) {
  if (record.turns.empty()) return {"schema", false, 0, "no turns"};
  const auto types = turn_types(record, pack);
  for (size_t i = 0; i < record.turns.size(); ++i) {
    std::string reason = schema_reason(record.turns[i]);
    if (types[i] == nullptr) reason = "unknown question type '" + record.question_type + "'";
    if (reason.empty() && types[i]->closed() != is_closed(record.turns[i])) {
      reason = types[i]->closed() ? "a closed question without options" : "an open question with options";
    }
    if (!reason.empty()) return {"schema", false, 0, "turn " + std::to_string(i + 1) + ": " + reason};
  }
  return {"schema", true, 0, ""};
}

Verdict check_certainty(const Record& record, const FieldPack& pack) {
  return phrase_verdict("certainty", record, pack.checks.certainty);
}

Verdict check_refusal(const Record& record, const FieldPack& pack) {
  return phrase_verdict("refusal", record, pack.checks.refusal);
}

Verdict check_length(const Record& record, const FieldPack& pack) {
  for (const Turn& turn : record.turns) {
    if (is_closed(turn)) continue;
    const auto words = static_cast<int>(words_of(turn.answer).size());
    if (words >= pack.checks.min_words && words <= pack.checks.max_words) continue;
    return {"length", false, static_cast<double>(words),
            std::to_string(words) + " words, allowed are " + std::to_string(pack.checks.min_words) + " to " +
                std::to_string(pack.checks.max_words)};
  }
  return {"length", true, 0, ""};
}

Verdict check_language(const Record& record, const FieldPack& pack) {
  for (const Turn& turn : record.turns) {
    std::string reason = language_reason(turn.question, is_closed(turn) ? 0 : pack.checks.min_letter_share);
    if (reason.empty()) reason = language_reason(turn.answer, is_closed(turn) ? 0 : pack.checks.min_letter_share);
    if (!reason.empty()) return {"language", false, 0, reason};
  }
  return {"language", true, 0, ""};
}

std::vector<Verdict> run_checks(const Record& record, const FieldPack& pack) {
  return {check_schema(record, pack),
          check_label_contradiction(record, pack),
          check_attribute_contradiction(record, pack),
          check_hidden_context_leak(record, pack),
          check_certainty(record, pack),
          check_refusal(record, pack),
          check_length(record, pack),
          check_language(record, pack)};
}

}  // namespace dermis
