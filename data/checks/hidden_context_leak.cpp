#include <algorithm>

#include "data/checks/checks.h"
#include "data/checks/context_lines.h"
#include "data/fields/text.h"

namespace dermis {
namespace {

constexpr size_t kWordRun = 6;
constexpr size_t kShortestId = 4;  // a shorter id is found in any text

std::string in_quotes(const std::string& text) { return "'" + text + "'"; }

std::string id_reason(const Record& record, const std::string& answer) {
  for (const std::string& id : {record.item, record.patient, record.lesion}) {
    if (id.size() >= kShortestId && !find_phrase(answer, id).empty()) return "the answer holds the id " + in_quotes(id);
  }
  return "";
}

// What can be seen may be said in the context's own words.
std::string run_reason(const Record& record, const FieldPack& pack, const std::string& answer) {
  const std::vector<std::string> said = words_of(answer);
  for (const auto& [name, value] : context_lines(record.hidden_context)) {
    const Attribute* attribute = pack.find_attribute(name);
    if (attribute != nullptr && attribute->visible) continue;
    const std::vector<std::string> hidden = words_of(name + " " + value);
    for (size_t i = 0; hidden.size() >= kWordRun && i + kWordRun <= said.size(); ++i) {
      const auto run = said.begin() + static_cast<std::ptrdiff_t>(i);
      if (std::search(hidden.begin(), hidden.end(), run, run + kWordRun) == hidden.end()) continue;
      std::string text;
      for (size_t j = 0; j < kWordRun; ++j) text += (j == 0 ? "" : " ") + said[i + j];
      return "the answer repeats the hidden context: " + in_quotes(text);
    }
  }
  return "";
}

// How a value would be given away: long enough values by themselves, short ones ("I", "V") behind their name ("type
// I").
std::string telling_phrase(const Attribute& attribute, const std::string& value) {
  if (value.size() > 3 || attribute.kind == AttributeKind::number) return value;
  const std::vector<std::string> name = words_of(attribute.name);
  return name.empty() ? value : name.back() + " " + value;
}

std::string value_reason(const Record& record, const FieldPack& pack, const std::string& asked,
                         const std::string& answer) {
  for (const auto& [name, value] : context_lines(record.hidden_context)) {
    const Attribute* attribute = pack.find_attribute(name);
    if (attribute == nullptr || attribute->visible || attribute->kind == AttributeKind::flag) continue;
    const std::string phrase = telling_phrase(*attribute, value);
    if (find_phrase(answer, phrase).empty() || !find_phrase(asked, phrase).empty()) continue;
    return "the answer gives the hidden " + attribute->name + " " + in_quotes(value);
  }
  return "";
}

}  // namespace

Verdict check_hidden_context_leak(const Record& record, const FieldPack& pack) {
  const auto types = turn_types(record, pack);
  std::string asked;  // what this and earlier questions gave away
  for (size_t i = 0; i < record.turns.size(); ++i) {
    const Turn& turn = record.turns[i];
    asked += turn.question + "\n";
    if (types[i] != nullptr && types[i]->closed()) continue;  // a choice among options says no more than was asked
    std::string reason;
    for (const std::string& word : pack.checks.leak) {
      if (reason.empty() && !find_phrase(turn.answer, word).empty()) reason = "the answer says " + in_quotes(word);
    }
    if (reason.empty()) reason = id_reason(record, turn.answer);
    if (reason.empty()) reason = run_reason(record, pack, turn.answer);
    if (reason.empty()) reason = value_reason(record, pack, asked, turn.answer);
    if (!reason.empty()) return {"hidden_context_leak", false, 0, reason};
  }
  return {"hidden_context_leak", true, 0, ""};
}

}  // namespace dermis
