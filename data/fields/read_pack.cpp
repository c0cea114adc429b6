#include "data/fields/read_pack.h"

#include <algorithm>
#include <limits>

#include "core/error.h"

namespace dermis {
namespace {

constexpr uint64_t kMostWordings = 64;

[[noreturn]] void bad_value(const JsonFields& fields, const std::string& key, const std::string& expected,
                            const std::string& found) {
  throw Error(ErrorKind::data, {.what = "value of '" + key + "' is not known",
                                .where = fields.where() + ", key " + key,
                                .expected = expected,
                                .found = found});
}

void check_schema(JsonFields& fields) {
  const int schema = fields.integer("schema");
  if (schema != 1) bad_value(fields, "schema", "1", std::to_string(schema));
}

std::string entry_name(const std::string& where, const std::string& list, size_t index, const Json& entry) {
  const std::string id = entry.is_object() && entry.contains("id") && entry["id"].is_string()
                             ? entry["id"].get<std::string>()
                             : "number " + std::to_string(index + 1);
  return where + ", " + list + " " + id;
}

// Calls read(fields) for each entry of a list and then checks that no key is left over.
template <typename Read>
void each_entry(JsonFields& file, const std::string& list, const Read& read) {
  const Json entries = file.list_or_empty(list);
  for (size_t i = 0; i < entries.size(); ++i) {
    JsonFields fields(entries[i], entry_name(file.where(), list, i, entries[i]));
    read(fields);
    fields.no_others();
  }
}

AttributeKind attribute_kind(JsonFields& fields) {
  const std::string kind = fields.text("kind");
  if (kind == "one") return AttributeKind::one;
  if (kind == "many") return AttributeKind::many;
  if (kind == "number") return AttributeKind::number;
  if (kind == "flag") return AttributeKind::flag;
  bad_value(fields, "kind", "one, many, number or flag", kind);
}

void read_target(JsonFields& fields, QuestionType& type) {
  const std::string answer = fields.text_or_empty("answer");
  const size_t colon = answer.find(':');
  const std::string kind = answer.substr(0, colon);
  if (colon != std::string::npos) type.about = answer.substr(colon + 1);
  const std::vector<std::pair<std::string, AnswerTarget>> kinds{
      {"", AnswerTarget::open},          {"label", AnswerTarget::label},         {"malignant", AnswerTarget::malignant},
      {"group", AnswerTarget::group},    {"attribute", AnswerTarget::attribute}, {"contains", AnswerTarget::contains},
      {"stratum", AnswerTarget::stratum}};
  const auto at = std::find_if(kinds.begin(), kinds.end(), [&](const auto& entry) { return entry.first == kind; });
  if (at == kinds.end()) {
    bad_value(fields, "answer", "label, malignant, group, attribute:ID, contains:ID, stratum:ID or absent", answer);
  }
  type.target = at->second;
}

}  // namespace

void read_taxonomy(const Json& tree, const std::string& where, FieldPack& pack) {
  JsonFields file(tree, where);
  check_schema(file);
  pack.name = file.text("field");
  pack.subject = file.text("subject");
  each_entry(file, "group", [&](JsonFields& fields) {
    pack.groups.push_back({fields.text("id"), fields.text("name")});
  });
  each_entry(file, "class", [&](JsonFields& fields) {
    ClassInfo info;
    info.id = fields.text("id");
    info.name = fields.text("name");
    info.synonyms = fields.text_list("synonyms");
    info.codes = fields.text_list("codes");
    info.group = fields.text_or_empty("group");
    info.malignancy = fields.text("malignancy");
    if (info.malignancy != "benign" && info.malignancy != "premalignant" && info.malignancy != "malignant") {
      bad_value(fields, "malignancy", "benign, premalignant or malignant", info.malignancy);
    }
    info.icd10 = fields.text_or_empty("icd10");
    info.lookalikes = fields.text_list("lookalikes");
    info.typical = fields.text("typical");
    info.plain = fields.text("plain");
    info.advice = fields.text("advice");
    pack.classes.push_back(std::move(info));
  });
  file.no_others();
}

void read_attributes(const Json& tree, const std::string& where, FieldPack& pack) {
  JsonFields file(tree, where);
  check_schema(file);
  each_entry(file, "attribute", [&](JsonFields& fields) {
    Attribute attribute;
    attribute.id = fields.text("id");
    attribute.name = fields.text("name");
    attribute.kind = attribute_kind(fields);
    attribute.values = fields.text_list("values");
    attribute.aliases = fields.text_map("aliases");
    attribute.nouns = fields.text_list("nouns");
    attribute.phrases = fields.text_map("phrases");
    attribute.minimum = fields.number_or("minimum", 0);
    attribute.maximum = fields.number_or("maximum", 0);
    attribute.visible = fields.boolean_or("visible", false);
    const bool listed = attribute.kind == AttributeKind::one || attribute.kind == AttributeKind::many;
    if (listed == attribute.values.empty()) bad_value(fields, "values", listed ? "a list" : "no list", "the opposite");
    pack.attributes.push_back(std::move(attribute));
  });
  each_entry(file, "source", [&](JsonFields& fields) {
    pack.sources.push_back({fields.text("id"), fields.text_list("items"), fields.text_list("supplies")});
  });
  file.no_others();
}

void read_questions(const Json& tree, const std::string& where, FieldPack& pack) {
  JsonFields file(tree, where);
  check_schema(file);
  each_entry(file, "type", [&](JsonFields& fields) {
    QuestionType type;
    type.id = fields.text("id");
    type.name = fields.text("name");
    type.style = fields.text("style");
    if (type.style != "short" && type.style != "full") bad_value(fields, "style", "short or full", type.style);
    read_target(fields, type);
    type.self_instruct = fields.boolean_or("self_instruct", false);
    type.names_others = fields.boolean_or("names_others", false);
    type.sources = fields.text_list("sources");
    type.needs = fields.text_list("needs");
    type.context = fields.text_or_empty("context");
    type.questions = fields.text_list("questions");
    type.turns = fields.text_list("turns");
    const uint64_t wordings = fields.unsigned_or("wordings", 1);
    if (wordings < 1 || wordings > kMostWordings)
      bad_value(fields, "wordings", "1 to " + std::to_string(kMostWordings), std::to_string(wordings));
    type.wordings = static_cast<int>(wordings);
    pack.types.push_back(std::move(type));
  });
  file.no_others();
}

void read_answers(const Json& tree, const std::string& where, FieldPack& pack) {
  JsonFields file(tree, where);
  check_schema(file);
  each_entry(file, "answer", [&](JsonFields& fields) {
    const std::string type = fields.text("type");
    const std::string question = fields.text_or_empty("question");
    const std::vector<std::string> texts = fields.text_list("texts");
    if (texts.empty()) bad_value(fields, "texts", "one text or more", "none");
    for (const std::string& text : texts) {
      const auto same = [&](const AnswerTemplate& other) { return other.type == type; };
      const auto number = std::count_if(pack.answers.begin(), pack.answers.end(), same) + 1;
      pack.answers.push_back({type + "." + std::to_string(number), type, question, text});
    }
  });
  file.no_others();
}

void read_strata(const Json& tree, const std::string& where, FieldPack& pack) {
  JsonFields file(tree, where);
  check_schema(file);
  each_entry(file, "stratum", [&](JsonFields& fields) {
    Stratum stratum;
    stratum.id = fields.text("id");
    stratum.name = fields.text("name");
    stratum.from = fields.text("from");
    stratum.scale = fields.text_or_empty("scale");
    stratum.judge = fields.text_or_empty("judge");
    for (const Json& entry : fields.list_or_empty("bands")) {
      JsonFields band(entry, fields.where() + ", bands");
      const double low = band.number_or("low", 0);
      stratum.bands.push_back({band.text("id"), low, band.number_or("high", std::numeric_limits<double>::max())});
      band.no_others();
    }
    pack.strata.push_back(std::move(stratum));
  });
  file.no_others();
}

void read_checks(const Json& tree, const std::string& where, FieldPack& pack) {
  JsonFields file(tree, where);
  check_schema(file);
  CheckWords& checks = pack.checks;
  checks.version = file.text("version");
  checks.certainty = file.text_list("certainty");
  checks.refusal = file.text_list("refusal");
  checks.leak = file.text_list("leak");
  checks.general = file.text_list("general");
  checks.min_words = file.integer("min_words");
  checks.max_words = file.integer("max_words");
  checks.novelty_rouge = file.number_or("novelty_rouge", checks.novelty_rouge);
  checks.min_letter_share = file.number_or("min_letter_share", checks.min_letter_share);
  file.no_others();
}

}  // namespace dermis
