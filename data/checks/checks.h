// Rules that a question-answer record must pass before it may be trained on. Each is a pure function of the record and
// the field pack; none looks at the picture.
#pragma once

#include <string>
#include <vector>

#include "data/fields/field_pack.h"
#include "data/record.h"

namespace dermis {

// Question, answer and options are there and agree: no empty text, no left-over placeholder, a closed answer is one of
// at least two distinct options.
Verdict check_schema(const Record& record, const FieldPack& pack);

// The answer does not name another class than the label, or the wrong malignancy. Class names and synonyms are whole
// words, the longest first, and a negated one ("not a melanoma") does not count. Types that list alternatives
// (names_others) must name the label first. A closed answer must be the one that the label gives.
Verdict check_label_contradiction(const Record& record, const FieldPack& pack);

// The answer claims no other value of an attribute than the item has, where it has one: phrases and nouns of the field
// pack tell what is a claim, a negated one does not count. Sentences that speak of the diagnosis in general ("melanoma
// often shows ...") say nothing of the picture and are exempt. Closed answers about an attribute must be its value, yes
// or no must be right.
Verdict check_attribute_contradiction(const Record& record, const FieldPack& pack);
// The same against given values, attribute id -> value: the reason, or "".
std::string attribute_contradiction(const Record& record, const std::map<std::string, std::string>& values,
                                    const FieldPack& pack);

// The answer does not show that its writer knew more than the picture: leak words, ids of patient, lesion or item, six
// words in a row of the hidden context, or a value of an attribute that cannot be seen and that the question did not
// give.
Verdict check_hidden_context_leak(const Record& record, const FieldPack& pack);

Verdict check_certainty(const Record& record, const FieldPack& pack);  // no word of false certainty
Verdict check_refusal(const Record& record, const FieldPack& pack);    // the answer does not refuse
Verdict check_length(const Record& record, const FieldPack& pack);     // open answers: min_words..max_words
// UTF-8 without control characters, enough ASCII letters among what is not blank, no punctuation in front. Closed
// answers are exempt from the letter share ("60-79").
Verdict check_language(const Record& record, const FieldPack& pack);

// All of the above in this order.
std::vector<Verdict> run_checks(const Record& record, const FieldPack& pack);

// Question type of each turn; null where the pack does not know it.
std::vector<const QuestionType*> turn_types(const Record& record, const FieldPack& pack);

}  // namespace dermis
