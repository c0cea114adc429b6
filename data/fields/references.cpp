#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/nearest_name.h"
#include "data/fields/grammar.h"
#include "data/fields/placeholders.h"
#include "data/fields/read_pack.h"

namespace dermis {
namespace {

constexpr size_t kMinParaphrases = 10;

[[noreturn]] void broken(const std::string& what, const std::string& where, const std::string& found,
                         const std::string& expected = {}) {
  throw Error(ErrorKind::data, {.what = what, .where = where, .expected = expected, .found = found});
}

template <typename T>
void check_unique(const std::vector<T>& entries, const std::string& where) {
  std::set<std::string> seen;
  for (const T& entry : entries) {
    if (entry.id.empty()) broken("an id is empty", where, "\"\"");
    if (!seen.insert(entry.id).second) broken("an id stands twice", where, entry.id);
  }
}

// Every placeholder must be built in or an attribute that at least one of the type's sources supplies.
void check_placeholders(const FieldPack& pack, const QuestionType& type, const std::string& text,
                        const std::string& where) {
  const Grammar grammar = Grammar::parse(text, where);
  for (const std::string& placeholder : grammar.all()) {
    const std::string name = without_article(placeholder);
    if (is_built_in_placeholder(name)) continue;
    std::string attribute = name;
    if (const Stratum* stratum = pack.find_stratum(name)) attribute = stratum->from;
    const bool supplied = std::any_of(pack.sources.begin(), pack.sources.end(), [&](const SourceInfo& source) {
      const bool asked =
          type.sources.empty() || std::find(type.sources.begin(), type.sources.end(), source.id) != type.sources.end();
      return asked && std::find(source.supplies.begin(), source.supplies.end(), attribute) != source.supplies.end();
    });
    if (supplied) continue;
    std::vector<std::string> known = built_in_placeholders();
    for (const Attribute& entry : pack.attributes) known.push_back(entry.id);
    const std::string near = nearest_name(name, known);
    throw Error(ErrorKind::data,
                {.what = "placeholder {" + name + "} is supplied by no source of this question type",
                 .where = where,
                 .found = text,
                 .fix = near.empty() || near == name ? "add it to 'supplies' of a source in attributes.toml, or drop it"
                                                     : "did you mean {" + near + "}?"});
  }
}

// Context may miss in an item, so all of it is optional.
void check_context(const FieldPack& pack, const QuestionType& type, const std::string& where) {
  check_placeholders(pack, type, type.context, where);
  const Grammar grammar = Grammar::parse(type.context, where);
  if (grammar.all().empty()) broken("context names nothing of an item", where, type.context);
  if (grammar.required().empty()) return;
  broken("context demands a value that an item may lack", where, "{" + grammar.required().front() + "}",
         "every placeholder in [ ]");
}

void check_about(const FieldPack& pack, const QuestionType& type, const std::string& where) {
  const Attribute* attribute = pack.find_attribute(type.about);
  switch (type.target) {
    case AnswerTarget::attribute:
      if (attribute == nullptr || attribute->kind == AttributeKind::many || attribute->kind == AttributeKind::number) {
        broken("answer names no attribute with single values", where + ", key answer", type.about);
      }
      return;
    case AnswerTarget::contains:
      if (type.about != "label" && (attribute == nullptr || attribute->values.empty())) {
        broken("answer names neither label nor an attribute with values", where + ", key answer", type.about);
      }
      return;
    case AnswerTarget::stratum:
      if (pack.find_stratum(type.about) == nullptr)
        broken("answer names no stratum", where + ", key answer", type.about);
      return;
    default:
      if (!type.about.empty()) broken("this kind of answer takes no ':'", where + ", key answer", type.about);
  }
}

void check_type(const FieldPack& pack, const QuestionType& type, const std::string& where) {
  for (const std::string& source : type.sources) {
    if (pack.find_source(source) == nullptr) broken("unknown source", where + ", key sources", source);
  }
  for (const std::string& need : type.needs) {
    if (need != "label" && pack.find_attribute(need) == nullptr) broken("unknown need", where + ", key needs", need);
  }
  check_about(pack, type, where);
  if (!type.turns.empty()) {
    if (!type.questions.empty()) broken("a conversation has turns, not questions", where, type.questions.front());
    for (const std::string& turn : type.turns) {
      const QuestionType* other = pack.find_type(turn);
      if (other == nullptr || !other->turns.empty())
        broken("turn names no single question", where + ", key turns", turn);
    }
    return;
  }
  if (type.questions.size() < kMinParaphrases) {
    broken("too few paraphrases", where + ", key questions", std::to_string(type.questions.size()),
           "at least " + std::to_string(kMinParaphrases));
  }
  for (const std::string& question : type.questions) {
    check_placeholders(pack, type, question, where + ", key questions");
  }
  if (!type.context.empty()) check_context(pack, type, where + ", key context");
  const bool answered = std::any_of(pack.answers.begin(), pack.answers.end(),
                                    [&](const AnswerTemplate& answer) { return answer.type == type.id; });
  if (type.closed() == answered) {
    broken(answered ? "a closed question takes no answer templates" : "an open question has no answer template", where,
           type.id);
  }
}

void check_attribute(const Attribute& attribute, const std::string& name) {
  const std::string where = name + "/attributes.toml, attribute " + attribute.id;
  const auto is_value = [&](const std::string& text) {
    return std::find(attribute.values.begin(), attribute.values.end(), text) != attribute.values.end();
  };
  for (const auto& [alias, value] : attribute.aliases) {
    if (!is_value(value)) broken("alias of no value", where + ", key aliases", alias);
  }
  for (const auto& [phrase, value] : attribute.phrases) {
    if (!is_value(value)) broken("phrase for no value", where + ", key phrases", phrase);
  }
}

}  // namespace

void check_references(const FieldPack& pack, const std::string& name) {
  check_unique(pack.groups, name + "/taxonomy.toml, group");
  check_unique(pack.classes, name + "/taxonomy.toml, class");
  check_unique(pack.attributes, name + "/attributes.toml, attribute");
  check_unique(pack.sources, name + "/attributes.toml, source");
  check_unique(pack.types, name + "/questions.toml, type");
  check_unique(pack.strata, name + "/strata.toml, stratum");
  if (pack.classes.size() < 2) broken("a taxonomy needs two classes or more", name + "/taxonomy.toml", "fewer");
  for (const ClassInfo& info : pack.classes) {
    const std::string where = name + "/taxonomy.toml, class " + info.id;
    for (const std::string& other : info.lookalikes) {
      if (pack.find_class(other) == nullptr) broken("lookalike of no class", where + ", key lookalikes", other);
    }
    if (!info.group.empty() && pack.group_name(info).empty())
      broken("unknown group", where + ", key group", info.group);
  }
  for (const Attribute& attribute : pack.attributes) check_attribute(attribute, name);
  for (const Stratum& stratum : pack.strata) {
    const std::string where = name + "/strata.toml, stratum " + stratum.id + ", key from";
    if (pack.find_attribute(stratum.from) == nullptr) broken("unknown attribute", where, stratum.from);
  }
  for (const SourceInfo& source : pack.sources) {
    const std::string where = name + "/attributes.toml, source " + source.id + ", key supplies";
    for (const std::string& id : source.supplies) {
      if (pack.find_attribute(id) == nullptr) broken("unknown attribute", where, id);
    }
  }
  for (const AnswerTemplate& answer : pack.answers) {
    const std::string where = name + "/answers.toml, answer " + answer.id;
    const QuestionType* type = pack.find_type(answer.type);
    if (type == nullptr) broken("answer of an unknown question type", where, answer.type);
    if (type->self_instruct == answer.question.empty()) {
      broken("only answers of self-instruct types bring a question, and all of them do", where, answer.question);
    }
    check_placeholders(pack, *type, answer.text, where);
    check_placeholders(pack, *type, answer.question, where + ", key question");
  }
  for (const QuestionType& type : pack.types) check_type(pack, type, name + "/questions.toml, type " + type.id);
}

}  // namespace dermis
