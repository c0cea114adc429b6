#include "data/fields/field_pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/io/embedded.h"
#include "data/fields/grammar.h"
#include "data/fields/text.h"

namespace dermis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::map<std::string, std::string> dermatology_files() {
  std::map<std::string, std::string> files;
  const std::string prefix = "fields/dermatology/";
  for (const EmbeddedFile& file : embedded_data()) {
    const std::string path(file.path);
    if (path.rfind(prefix, 0) == 0) files[path.substr(prefix.size())] = std::string(file.text);
  }
  return files;
}

// The error of loading the pack after `from` became `to` in one file.
std::string error_after(const std::string& file, const std::string& from, const std::string& to) {
  auto files = dermatology_files();
  const size_t at = files[file].find(from);
  if (at == std::string::npos) return "'" + from + "' is not in " + file;
  files[file].replace(at, from.size(), to);
  try {
    parse_field_pack("edited", files);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(FieldPack, DermatologyLoads) {
  const FieldPack pack = load_field_pack("dermatology");
  EXPECT_EQ(pack.name, "dermatology");
  EXPECT_EQ(pack.digest.size(), 64U);
  for (const char* type : {"observational_overview", "ask_for_diagnosis", "differential_diagnosis",
                           "patient_explanation", "next_steps", "creativity", "diagnosis_closed"}) {
    EXPECT_NE(pack.find_type(type), nullptr) << type;
  }
  for (const QuestionType& type : pack.types) {
    if (type.style != "short") continue;
    for (const std::string& question : type.questions) {
      EXPECT_LE(words_of(question).size(), 6U) << type.id << ": " << question;
    }
  }
}

TEST(FieldPack, NamesOfSourcesMeanClasses) {
  const FieldPack pack = load_field_pack("dermatology");
  const std::vector<std::pair<const char*, const char*>> known{{"BCC", "basal_cell_carcinoma"},
                                                               {"Melanoma, NOS", "melanoma"},
                                                               {"seborrheic keratosis", "seborrheic_keratosis"},
                                                               {"ACK", "actinic_keratosis"},
                                                               {" NV ", "nevus"}};
  for (const auto& [text, id] : known) {
    ASSERT_NE(pack.class_of_source_label(text), nullptr) << text;
    EXPECT_EQ(pack.class_of_source_label(text)->id, id);
  }
  EXPECT_EQ(pack.class_of_source_label("keratosis"), nullptr);
}

TEST(FieldPack, EditsThatBreakItAreNamedWithFileAndKey) {
  EXPECT_THAT(error_after("taxonomy.toml", "malignancy = ", "malignacy = "),
              HasSubstr("taxonomy.toml, class melanoma"));
  EXPECT_THAT(error_after("taxonomy.toml", "icd10 = ", "icd11 = "), HasSubstr("did you mean 'icd10'"));
  EXPECT_THAT(error_after("taxonomy.toml", "group = \"melanocytic\"", "group = \"nowhere\""),
              HasSubstr("unknown group"));
  EXPECT_THAT(error_after("questions.toml", "\"diagnosis?\"", "\"{colors}?\""), HasSubstr("{colors}"));
  EXPECT_THAT(error_after("questions.toml", "answer = \"attribute:site\"", "answer = \"attribute:sight\""),
              HasSubstr("type site_closed, key answer"));
  EXPECT_THAT(error_after("questions.toml", "[\"diagnosis?\", \"which lesion?\", \"which diagnosis?\",", "[]\nx = ["),
              HasSubstr("type diagnosis_closed"));
  EXPECT_THAT(error_after("answers.toml", "type = \"next_steps\"", "type = \"next_step\""),
              HasSubstr("unknown question type"));
  EXPECT_THAT(error_after("answers.toml", "The (most likely", "The (most {border likely"), HasSubstr("malformed"));
  EXPECT_THAT(error_after("strata.toml", "from = \"age\"", "from = \"years\""),
              HasSubstr("stratum age_band, key from"));
  EXPECT_THAT(error_after("attributes.toml", "asymmetry = \"asymmetric\"", "asymmetry = \"skew\""),
              HasSubstr("attribute symmetry, key phrases"));
  EXPECT_THAT(error_after("questions.toml", "\"[{age_band}, ]", "\"{age_band}, "),
              HasSubstr("type diagnosis_in_context, key context"));
  EXPECT_THAT(error_after("questions.toml", "wordings = 8", "wordings = 0"), HasSubstr("wordings"));
  EXPECT_THAT(error_after("checks.toml", "min_words = 4", "min_words = "), HasSubstr("edited/checks.toml:4"));
}

TEST(FieldPack, APlaceholderThatNoSourceOfTheTypeSuppliesIsAnError) {
  // "border" is known, but PAD-UFES-20 does not fill it.
  EXPECT_THAT(
      error_after("questions.toml", "Identify the lesion in this clinical photograph.", "Is its border {border}?"),
      HasSubstr("supplied by no source"));
}

TEST(FieldPack, TheDigestFollowsEveryFile) {
  auto files = dermatology_files();
  const std::string before = parse_field_pack("a", files).digest;
  files["strata.toml"] += "# a note\n";
  EXPECT_NE(parse_field_pack("a", files).digest, before);
  files.erase("strata.toml");
  EXPECT_THROW(parse_field_pack("a", files), Error);
  EXPECT_THROW(load_field_pack("dermatologie"), Error);
}

TEST(MetadataValues, MissingIsMissing) {
  for (const char* text : {"", " ", "NaN", "nan", "UNK", "unknown", "None", "N/A"})
    EXPECT_TRUE(is_missing(text)) << text;
  EXPECT_FALSE(is_missing("neck"));
}

TEST(MetadataValues, AreBroughtToOneForm) {
  const FieldPack pack = load_field_pack("dermatology");
  const auto normal = [&](const char* attribute, const char* raw) {
    return normal_value(*pack.find_attribute(attribute), raw, "row 1");
  };
  EXPECT_EQ(normal("age", "55.0"), "55");
  EXPECT_EQ(normal("age", "NaN"), std::nullopt);
  EXPECT_EQ(normal("sex", "FEMALE"), "female");
  EXPECT_EQ(normal("fitzpatrick", "3.0"), "III");
  EXPECT_EQ(normal("itch", "False"), "no");
  EXPECT_EQ(normal("colours", "Black, light brown"), "black, light brown");
  EXPECT_THROW(normal("age", "-3"), Error);
  EXPECT_THROW(normal("age", "12abc"), Error);
  EXPECT_THROW(normal("site", "left knee"), Error);
}

TEST(Grammar, ExpandsPlaceholdersChoicesAndOptionalParts) {
  Random random(0, RandomPurpose::selftest);
  const Grammar grammar = Grammar::parse("(A|A) {x}[ with {y}] \\(z\\)", "here");
  EXPECT_THAT(grammar.required(), ElementsAre("x"));
  EXPECT_THAT(grammar.all(), ElementsAre("x", "y"));
  EXPECT_FALSE(grammar.can_expand({{"y", "2"}}));
  EXPECT_EQ(grammar.expand({{"x", "1"}}, random), "A 1 (z)");
  EXPECT_EQ(grammar.expand({{"x", "1"}, {"y", "2"}}, random), "A 1 with 2 (z)");
}

TEST(Grammar, UnbalancedTextsAreErrors) {
  for (const char* text : {"{x", "[x", "(a|b", "a)", "a]", "}", "{}", "a|b", "x\\"}) {
    EXPECT_THROW(Grammar::parse(text, "here"), Error) << text;
  }
}

TEST(Words, PhrasesAreWholeWords) {
  EXPECT_TRUE(find_phrase("dermographism", "graph").empty());
  EXPECT_THAT(find_phrase("A basal-cell carcinoma.", "basal cell carcinoma"), ElementsAre(2));
  EXPECT_TRUE(find_phrase("labelled", "label").empty());
  EXPECT_THAT(words_of("Bowen's disease, blue-grey: 60-79!"), ElementsAre("bowen's", "disease", "blue-grey", "60-79"));
  EXPECT_EQ(sentence_case("one. two? it is 3.5 mm"), "One. Two? It is 3.5 mm");
}

}  // namespace
}  // namespace dermis
