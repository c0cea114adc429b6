#include "data/synth/questions.h"

#include <algorithm>

#include "core/random.h"
#include "data/fields/text.h"

namespace dermis {
namespace {

struct Choice {
  std::vector<std::string> options;
  std::string expected, value;
};

const std::vector<std::string> kYesNo{"yes", "no"};

std::vector<std::string> class_names(const DataVocabulary& vocabulary) {
  std::vector<std::string> names;
  for (const ClassInfo* info : vocabulary.classes) names.push_back(info->name);
  return names;
}

std::vector<std::string> group_names(const DataVocabulary& vocabulary, const FieldPack& pack) {
  std::vector<std::string> names;
  for (const ClassInfo* info : vocabulary.classes) {
    const std::string name = pack.group_name(*info);
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

std::string metadata_of(const Item& item, const std::string& id) {
  const auto at = item.metadata.find(id);
  return at == item.metadata.end() ? std::string() : at->second;
}

std::vector<std::string> values_in(const DataVocabulary& vocabulary, const std::string& attribute) {
  const auto at = vocabulary.values.find(attribute);
  return at == vocabulary.values.end() ? std::vector<std::string>() : at->second;
}

// A yes-or-no question: half of the time about a value that is there, where both kinds exist.
Choice contains_choice(const QuestionType& type, const Item& item, const ClassInfo* label,
                       const DataVocabulary& vocabulary, Random& random) {
  std::vector<std::string> all, own;
  if (type.about == "label") {
    all = class_names(vocabulary);
    own = {label->name};
  } else {
    all = values_in(vocabulary, type.about);
    own = split_values(metadata_of(item, type.about));
  }
  std::vector<std::string> present, missing;
  for (const std::string& value : all) {
    (std::find(own.begin(), own.end(), value) != own.end() ? present : missing).push_back(value);
  }
  const bool yes = missing.empty() || (!present.empty() && random.chance(0.5));
  const auto& pool = yes ? present : missing;
  return {kYesNo, yes ? "yes" : "no", pool.empty() ? std::string() : pool[random.below(pool.size())]};
}

Choice choice_of(const QuestionType& type, const Item& item, const FieldPack& pack, const DataVocabulary& vocabulary,
                 Random& random) {
  const ClassInfo* label = pack.find_class(item.label);
  switch (type.target) {
    case AnswerTarget::open: break;
    case AnswerTarget::label: return {class_names(vocabulary), label->name, ""};
    case AnswerTarget::malignant: return {kYesNo, label->malignancy == "malignant" ? "yes" : "no", ""};
    case AnswerTarget::group: return {group_names(vocabulary, pack), pack.group_name(*label), ""};
    case AnswerTarget::attribute: return {values_in(vocabulary, type.about), metadata_of(item, type.about), ""};
    case AnswerTarget::contains: return contains_choice(type, item, label, vocabulary, random);
    case AnswerTarget::stratum: {
      const Stratum& stratum = *pack.find_stratum(type.about);
      std::vector<std::string> options;
      for (const StratumBand& band : stratum.bands) options.push_back(band.id);
      if (options.empty()) options = values_in(vocabulary, stratum.from);
      return {options, stratum.of(metadata_of(item, stratum.from)).value_or(""), ""};
    }
  }
  return {};
}

bool needs_label(const QuestionType& type) {
  return type.target == AnswerTarget::label || type.target == AnswerTarget::malignant ||
         type.target == AnswerTarget::group || (type.target == AnswerTarget::contains && type.about == "label");
}

// A set of bare pictures has no context: asking with it would be the question without it under another name.
bool context_occurs(const Grammar& context, const FieldPack& pack, const DataVocabulary& vocabulary) {
  const std::vector<std::string>& names = context.all();
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    const Stratum* stratum = pack.find_stratum(name);
    return vocabulary.attributes.contains(stratum == nullptr ? name : stratum->from);
  });
}

}  // namespace

QuestionBank::QuestionBank(const FieldPack& pack) {
  for (const QuestionType& type : pack.types) {
    Texts& texts = texts_[&type];
    texts.context = Grammar::parse(type.context, "type " + type.id + ", context");
    for (const std::string& text : type.questions) texts.questions.push_back(Grammar::parse(text, "type " + type.id));
  }
}

const QuestionBank::Texts& QuestionBank::of(const QuestionType& type) const { return texts_.at(&type); }

bool type_applies(const QuestionType& type, const Item& item, const FieldPack& pack, const DataVocabulary& vocabulary,
                  const QuestionBank& bank) {
  const bool covered =
      type.sources.empty() || std::any_of(type.sources.begin(), type.sources.end(),
                                          [&](const auto& id) { return pack.find_source(id)->covers(item.source); });
  const bool has_needs = std::all_of(type.needs.begin(), type.needs.end(), [&](const std::string& need) {
    return need == "label" ? !item.label.empty() : item.metadata.contains(need);
  });
  if (!covered || !has_needs || (needs_label(type) && item.label.empty())) return false;
  if (!type.context.empty() && !context_occurs(bank.of(type).context, pack, vocabulary)) return false;
  if (!type.turns.empty()) {
    return std::all_of(type.turns.begin(), type.turns.end(), [&](const std::string& turn) {
      return type_applies(*pack.find_type(turn), item, pack, vocabulary, bank);
    });
  }
  if (!type.closed()) return true;
  Random random(0, RandomPurpose::question);
  const Choice choice = choice_of(type, item, pack, vocabulary, random);
  return choice.options.size() >= 2 && !choice.expected.empty() &&
         std::find(choice.options.begin(), choice.options.end(), choice.expected) != choice.options.end();
}

std::optional<PlannedTurn> make_turn(const QuestionType& type, const Item& item, const FieldPack& pack,
                                     const DataVocabulary& vocabulary, const QuestionBank& bank, uint64_t seed,
                                     int wording) {
  const std::string key = wording == 0 ? type.id : type.id + "/" + std::to_string(wording);
  Random random(seed, RandomPurpose::question, stable_hash(item.source + "\n" + item.id), stable_hash(key));
  std::map<std::string, std::string> values = placeholder_values(item, pack);
  PlannedTurn turn{.type = &type, .template_id = {}, .question = {}, .options = {}, .expected = {}};
  if (type.closed()) {
    Choice choice = choice_of(type, item, pack, vocabulary, random);
    turn.options = std::move(choice.options);
    turn.expected = std::move(choice.expected);
    values["options"] = enumeration(turn.options, " or ");
    if (!choice.value.empty()) values["value"] = choice.value;
  }
  const auto& [context, questions] = bank.of(type);
  std::vector<size_t> usable;
  for (size_t i = 0; i < questions.size(); ++i) {
    if (questions[i].can_expand(values)) usable.push_back(i);
  }
  if (usable.empty()) return std::nullopt;
  const size_t chosen = usable[random.below(usable.size())];
  turn.template_id = type.id + ".q" + std::to_string(chosen + 1);
  turn.question = questions[chosen].expand(values, random);
  turn.question = context.expand(values, random) + turn.question;
  if (type.style == "full") turn.question = sentence_case(turn.question);
  return turn;
}

}  // namespace dermis
