#include "data/checks/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/checks/class_mentions.h"
#include "data/checks/novelty.h"

namespace dermis {
namespace {

using ::testing::HasSubstr;

const FieldPack& pack() {
  static const FieldPack kPack = load_field_pack("dermatology");
  return kPack;
}

Record open_record(const std::string& answer, const std::string& type = "ask_for_diagnosis",
                   const std::string& label = "melanoma") {
  Record record;
  record.id = "X/" + type + "/0";
  record.item = "ISIC_0000001";
  record.label = label;
  record.question_type = type;
  record.turns = {{"What is the most likely diagnosis?", answer, {}}};
  return record;
}

Record closed_record(const std::string& answer, const std::vector<std::string>& options, const std::string& type,
                     const std::string& question = "diagnosis?") {
  Record record = open_record(answer, type);
  record.turns = {{question, answer, options}};
  return record;
}

// Of a picture with a smooth border, an oval symmetric lesion, two colours and no structure.
std::string claim_reason(const std::string& answer) {
  Record record = open_record(answer, "observational_overview");
  record.hidden_context =
      "class: melanoma\nshape: oval\nsymmetry: symmetric\nborder: smooth\ncolours: dark brown, light brown\n"
      "structure: structureless\nsurface: flat";
  return check_attribute_contradiction(record, pack()).reason;
}

TEST(AttributeContradiction, AnotherValueThanTheItemsIsNamed) {
  EXPECT_EQ(claim_reason("The irregular border suggests melanoma."),
            "the answer says 'irregular', the item has 'smooth' as its border");
  EXPECT_THAT(claim_reason("What counts here is asymmetry."), HasSubstr("'symmetric' as its symmetry"));
  EXPECT_THAT(claim_reason("Border: irregular. It looks like a melanoma."), HasSubstr("'irregular'"));
  EXPECT_THAT(claim_reason("Its edge is clearly blurred."), HasSubstr("'blurred'"));
  EXPECT_THAT(claim_reason("There are light brown and blue-grey parts."), HasSubstr("'blue-grey'"));
  EXPECT_THAT(claim_reason("An atypical pigment network is seen."), HasSubstr("'atypical pigment network'"));
  EXPECT_THAT(claim_reason("A white centre."), HasSubstr("as its structure"));
  EXPECT_THAT(claim_reason("A round, flat lesion."), HasSubstr("'round'"));
  EXPECT_THAT(claim_reason("It is flat. Melanoma often does so. Here, though, it is waxy."), HasSubstr("'waxy'"));
}

TEST(AttributeContradiction, OwnValuesNegationsAndGeneralKnowledgePass) {
  for (const char* answer :
       {"A flat, oval and symmetric lesion with a smooth border, light brown and dark brown.", "It is structureless.",
        "There is no ulceration and no irregular border.", "An irregular picture with a smooth border.",
        "Melanoma typically shows asymmetry, an irregular border, several colours and an atypical pigment network.",
        "Typical of melanoma: an irregular border. Here the border is smooth.", "It itches."}) {
    EXPECT_EQ(claim_reason(answer), "") << answer;
  }
  // Nothing is known of the picture: nothing can be at odds with it.
  EXPECT_TRUE(check_attribute_contradiction(open_record("The border is irregular."), pack()).passed);
}

TEST(AttributeContradiction, ClosedAnswersAreTheItemsValue) {
  Record record = closed_record("irregular", {"irregular", "smooth"}, "border_closed", "border?");
  record.hidden_context = "border: smooth";
  EXPECT_FALSE(check_attribute_contradiction(record, pack()).passed);
  record.turns[0].answer = "smooth";
  EXPECT_TRUE(check_attribute_contradiction(record, pack()).passed);
  Record yes_no = closed_record("yes", {"yes", "no"}, "colour_check", "is there any light brown?");
  yes_no.hidden_context = "colours: dark brown, light brown";
  EXPECT_TRUE(check_attribute_contradiction(yes_no, pack()).passed);
  yes_no.turns[0].question = "is there any red?";
  EXPECT_EQ(check_attribute_contradiction(yes_no, pack()).reason,
            "the answer says 'yes' to 'red', the item has 'dark brown, light brown' as its colours");
}

TEST(LabelContradiction, AnotherClassIsNamed) {
  EXPECT_FALSE(check_label_contradiction(open_record("This looks like a common mole."), pack()).passed);
  EXPECT_TRUE(check_label_contradiction(open_record("This looks like a malignant melanoma."), pack()).passed);
  EXPECT_TRUE(check_label_contradiction(open_record("Melanoma is likelier than anything else."), pack()).passed);
  const Verdict both = check_label_contradiction(open_record("A melanoma or a nevus."), pack());
  EXPECT_FALSE(both.passed);
  EXPECT_THAT(both.reason, HasSubstr("nevus"));
}

TEST(LabelContradiction, NegatedClassesDoNotCount) {
  EXPECT_TRUE(check_label_contradiction(open_record("This is not a nevus but a melanoma."), pack()).passed);
  EXPECT_TRUE(check_label_contradiction(open_record("A melanoma rather than a nevus."), pack()).passed);
  EXPECT_FALSE(check_label_contradiction(open_record("It is not clear, a nevus fits."), pack()).passed);
}

TEST(LabelContradiction, DifferentialsNameTheLabelFirst) {
  const std::string type = "differential_diagnosis";
  EXPECT_TRUE(check_label_contradiction(open_record("Melanoma, then nevus and lentigo.", type), pack()).passed);
  EXPECT_FALSE(check_label_contradiction(open_record("Nevus, then melanoma.", type), pack()).passed);
}

TEST(LabelContradiction, MalignancyMustAgree) {
  EXPECT_FALSE(check_label_contradiction(open_record("A harmless, benign spot."), pack()).passed);
  EXPECT_TRUE(
      check_label_contradiction(open_record("It does not look benign; I would call it malignant."), pack()).passed);
}

TEST(LabelContradiction, ClosedAnswersFollowTheLabel) {
  const std::vector<std::string> names{"melanoma", "nevus"};
  EXPECT_TRUE(check_label_contradiction(closed_record("melanoma", names, "diagnosis_closed"), pack()).passed);
  EXPECT_FALSE(check_label_contradiction(closed_record("nevus", names, "diagnosis_closed"), pack()).passed);
  EXPECT_FALSE(check_label_contradiction(closed_record("no", {"yes", "no"}, "malignancy_closed"), pack()).passed);
  EXPECT_FALSE(
      check_label_contradiction(closed_record("yes", {"yes", "no"}, "diagnosis_check", "is it nevus?"), pack()).passed);
  EXPECT_TRUE(
      check_label_contradiction(closed_record("no", {"yes", "no"}, "diagnosis_check", "is it nevus?"), pack()).passed);
}

TEST(ClassMentions, LongestNamesWin) {
  const auto mentions = find_class_mentions("Lentigo maligna, not actinic keratosis; a keratosis; mold", pack());
  ASSERT_EQ(mentions.size(), 2U);
  EXPECT_EQ(mentions[0].info->id, "melanoma");
  EXPECT_EQ(mentions[1].info->id, "actinic_keratosis");
  EXPECT_TRUE(mentions[1].negated);
}

TEST(HiddenContextLeak, WordsIdsRunsAndValues) {
  Record record = open_record("The metadata say melanoma.");
  EXPECT_FALSE(check_hidden_context_leak(record, pack()).passed);
  record = open_record("Picture ISIC_0000001 shows a melanoma.");
  EXPECT_FALSE(check_hidden_context_leak(record, pack()).passed);
  record = open_record("A melanoma in a patient of 55 years.");
  record.hidden_context = "class: melanoma\nage: 55\nfitzpatrick: I";
  EXPECT_THAT(check_hidden_context_leak(record, pack()).reason, HasSubstr("'55'"));
  record.turns[0].question = "The patient is 55 years old. What is it?";
  EXPECT_TRUE(check_hidden_context_leak(record, pack()).passed);
  record = open_record("I think of a melanoma.");
  record.hidden_context = "fitzpatrick: I";
  EXPECT_TRUE(check_hidden_context_leak(record, pack()).passed);  // the word "I" is no skin type
  record.turns[0].answer = "On skin of type I this is a melanoma.";
  EXPECT_FALSE(check_hidden_context_leak(record, pack()).passed);
  record = open_record("It is, one two three four five six, a melanoma.");
  record.hidden_context = "note: one two three four five six seven";
  EXPECT_THAT(check_hidden_context_leak(record, pack()).reason, HasSubstr("one two three four five six"));
}

TEST(HiddenContextLeak, WhatCanBeSeenMayBeSaid) {
  Record record = open_record("Border: irregular. Colours: light brown, dark brown, black, red and a melanoma.");
  record.hidden_context = "border: irregular\ncolours: light brown, dark brown, black, red";
  EXPECT_TRUE(check_hidden_context_leak(record, pack()).passed);
}

TEST(HiddenContextLeak, WholeWordsOnly) {
  EXPECT_TRUE(check_hidden_context_leak(open_record("The labels of the vessels suggest a melanoma."), pack()).passed);
}

TEST(Schema, MissingValuesTuplesAndOptions) {
  EXPECT_TRUE(check_schema(open_record("This looks like a melanoma."), pack()).passed);
  EXPECT_FALSE(check_schema(open_record("A patient of NaN years has a melanoma."), pack()).passed);
  EXPECT_FALSE(check_schema(open_record("A {label}."), pack()).passed);
  EXPECT_FALSE(check_schema(open_record("  "), pack()).passed);
  EXPECT_FALSE(check_schema(open_record("Fine words.", "no_such_type"), pack()).passed);
  EXPECT_FALSE(check_schema(closed_record("mole", {"melanoma", "nevus"}, "diagnosis_closed"), pack()).passed);
  EXPECT_FALSE(check_schema(closed_record("nevus", {"nevus"}, "diagnosis_closed"), pack()).passed);
  EXPECT_FALSE(check_schema(closed_record("nevus", {"nevus", "nevus"}, "diagnosis_closed"), pack()).passed);
  EXPECT_FALSE(check_schema(closed_record("nevus", {}, "diagnosis_closed"), pack()).passed);
}

TEST(Wording, CertaintyRefusalLengthLanguage) {
  EXPECT_FALSE(check_certainty(open_record("This is definitely a melanoma."), pack()).passed);
  EXPECT_TRUE(check_certainty(open_record("An indefinitely long story of a melanoma."), pack()).passed);
  EXPECT_FALSE(check_refusal(open_record("I'm sorry, I cannot help with that."), pack()).passed);
  EXPECT_FALSE(check_length(open_record("A melanoma."), pack()).passed);
  std::string endless;
  for (int i = 0; i < 200; ++i) endless += "word ";
  EXPECT_FALSE(check_length(open_record(endless), pack()).passed);
  EXPECT_TRUE(check_length(closed_record("nevus", {"melanoma", "nevus"}, "diagnosis_closed"), pack()).passed);
  EXPECT_FALSE(
      check_language(
          open_record("\xD1\x8D\xD1\x82\xD0\xBE \xD0\xBC\xD0\xB5\xD0\xBB\xD0\xB0\xD0\xBD\xD0\xBE\xD0\xBC\xD0\xB0"),
          pack())
          .passed);
  EXPECT_FALSE(check_language(open_record(", a melanoma in front."), pack()).passed);
  EXPECT_FALSE(check_language(open_record("a \x07 bell and a melanoma"), pack()).passed);
  EXPECT_TRUE(check_language(closed_record("60-79", {"60-79", "40-59"}, "age_band_closed"), pack()).passed);
}

TEST(Rouge, HandWorkedCases) {
  EXPECT_DOUBLE_EQ(rouge_l("police killed the gunman", "police kill the gunman"), 0.75);  // Lin, 2004
  EXPECT_DOUBLE_EQ(rouge_l("police killed the gunman", "the gunman kill police"), 0.5);
  EXPECT_DOUBLE_EQ(rouge_l("a b c", "A, B; c!"), 1);
  EXPECT_DOUBLE_EQ(rouge_l("", "a"), 0);
}

TEST(NoveltyPool, AgreesWithTheDirectComparison) {
  NoveltyPool pool;
  const std::vector<std::string> texts{"the border is smooth and the colour is brown", "the border is irregular",
                                       "colours are brown and black", "what is this", "the border is smooth"};
  for (size_t i = 0; i < texts.size(); ++i) pool.add(std::to_string(i), texts[i]);
  const std::string asked = "the border is smooth and unknown words";
  const auto nearest = pool.nearest(asked, 2, 0);
  ASSERT_EQ(nearest.size(), 2U);
  double best = 0;
  for (const std::string& text : texts) best = std::max(best, rouge_l(asked, text));
  EXPECT_DOUBLE_EQ(nearest[0].rouge, best);
  EXPECT_EQ(nearest[0].id, "4");
  EXPECT_TRUE(pool.nearest("nothing alike", 3, 0).empty());
}

}  // namespace
}  // namespace dermis
