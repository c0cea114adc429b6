// Everything Dermis knows about a field (dermatology, inspection, ...): classes, attributes, questions, answer grammar,
// strata and check words. It stands in TOML files, never in code; this is their loaded form.
//
//   taxonomy.toml attributes.toml questions.toml answers.toml strata.toml checks.toml
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dermis {

struct ClassInfo {
  std::string id, name;
  std::vector<std::string> synonyms;  // recognised in text and in source labels
  std::vector<std::string> codes;     // recognised in source labels only
  std::string group;                  // id of a ClassGroup
  std::string malignancy;             // benign | premalignant | malignant
  std::string icd10;
  std::vector<std::string> lookalikes;  // class ids, the likeliest first
  std::string typical, plain, advice;   // what lesions of the class usually show; in plain words; what usually follows
};

struct ClassGroup {
  std::string id, name;
};

enum class AttributeKind { one, many, number, flag };

struct Attribute {
  std::string id, name;
  AttributeKind kind = AttributeKind::one;
  std::vector<std::string> values;             // one, many
  std::map<std::string, std::string> aliases;  // lower-case source text -> value
  std::vector<std::string> nouns;              // a value next to one of these in an answer is a claim of it
  std::map<std::string, std::string> phrases;  // what an answer says -> the value that it claims
  double minimum = 0, maximum = 0;             // number
  bool visible = false;                        // can be judged from the picture alone
};

struct SourceInfo {
  std::string id;
  std::vector<std::string> items;     // values of Item::source it covers; a trailing * ends a prefix
  std::vector<std::string> supplies;  // attribute ids
  bool covers(const std::string& item_source) const;
};

// What a question asks for. label: the class; malignant: yes or no; group: the class group; attribute: a value of
// `about`; contains: is a value of `about` ("label" or a many-valued attribute) there, yes or no; stratum: a band of
// `about`; open: free text from the answer grammar.
enum class AnswerTarget { open, label, malignant, group, attribute, contains, stratum };

struct QuestionType {
  std::string id, name;
  std::string style;  // short | full
  AnswerTarget target = AnswerTarget::open;
  std::string about;
  bool self_instruct = false;          // the teacher writes the question too
  bool names_others = false;           // an answer may name other classes after the label
  std::vector<std::string> sources;    // SourceInfo ids; empty: general
  std::vector<std::string> needs;      // "label" or attribute ids that an item must have
  std::string context;                 // grammar text before every question: what is known without looking
  std::vector<std::string> questions;  // grammar texts
  std::vector<std::string> turns;      // conversation: question types asked one after another
  int wordings = 1;                    // records a training item gets, each worded anew; equal wordings count once
  bool closed() const { return target != AnswerTarget::open; }
};

struct AnswerTemplate {
  std::string id, type;  // question type
  std::string question;  // self-instruct only: the question written along with the answer
  std::string text;      // grammar text
};

struct StratumBand {
  std::string id;
  double low = 0, high = 0;  // [low, high)
};

struct Stratum {
  std::string id, name, from;      // from: attribute id
  std::vector<StratumBand> bands;  // empty: the attribute's own values
  std::string scale, judge;        // skin tone: which scale and who judged
  std::optional<std::string> of(const std::string& attribute_value) const;
};

struct CheckWords {
  std::string version;
  std::vector<std::string> certainty, refusal, leak;
  std::vector<std::string> general;  // a sentence with one of these speaks of the diagnosis, not of this picture
  int min_words = 0, max_words = 0;  // of an open answer
  double novelty_rouge = 0.7;        // ROUGE-L F above which an open question and answer is not new
  double min_letter_share = 0;       // of the characters that are not blank
};

struct FieldPack {
  std::string name, subject;
  std::string digest;  // over every file: names the pack in manifests
  std::vector<ClassInfo> classes;
  std::vector<ClassGroup> groups;
  std::vector<Attribute> attributes;
  std::vector<SourceInfo> sources;
  std::vector<QuestionType> types;
  std::vector<AnswerTemplate> answers;
  std::vector<Stratum> strata;
  CheckWords checks;

  const ClassInfo* find_class(const std::string& id) const;
  // By id, name, synonym or code, whatever the case; null when the taxonomy does not know it.
  const ClassInfo* class_of_source_label(const std::string& text) const;
  const Attribute* find_attribute(const std::string& id) const;
  const SourceInfo* find_source(const std::string& id) const;
  const QuestionType* find_type(const std::string& id) const;
  const Stratum* find_stratum(const std::string& id) const;
  std::string group_name(const ClassInfo& info) const;
};

// `name_or_folder`: a pack inside the program ("dermatology") or a folder that holds the six files.
// Error(data) names file and key: unknown key, missing reference, placeholder that no source supplies.
FieldPack load_field_pack(const std::string& name_or_folder);

// The same from texts in memory: file name -> TOML. `name` stands in error messages.
FieldPack parse_field_pack(const std::string& name, const std::map<std::string, std::string>& files);

// A metadata value as an item may hold it: trimmed, alias-resolved, checked. Empty optional: missing (empty, NaN, UNK,
// unknown, ...). Error(data) for a value that the attribute does not allow.
std::optional<std::string> normal_value(const Attribute& attribute, const std::string& raw, const std::string& where);

// Text that sources write for "not known": empty, nan, unk, unknown, none, n/a, ... whatever the case.
bool is_missing(const std::string& raw);

std::vector<std::string> split_values(const std::string& many);  // "a, b" -> {a, b}

}  // namespace dermis
