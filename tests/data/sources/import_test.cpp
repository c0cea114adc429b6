#include "data/sources/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/io/csv.h"
#include "tests/data/sources/source_folder.h"

namespace dermis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using testing::TempFolder;
using testing::write_picture;
using testing::write_text;

const FieldPack& pack() {
  static const FieldPack kPack = load_field_pack("dermatology");
  return kPack;
}

ImportResult import_from(const std::string& kind, const TempFolder& folder, int64_t limit = 0) {
  ImportOptions options;
  options.kind = kind;
  options.folder = folder.path().string();
  options.limit = limit;
  return import_source(options, pack());
}

int64_t excluded(const ImportReport& report, const std::string& reason) {
  for (const auto& [name, count] : report.excluded) {
    if (name == reason) return count;
  }
  ADD_FAILURE() << "no reason " << reason;
  return -1;
}

template <typename Call>
std::string error_of(const Call& call, ErrorKind kind = ErrorKind::data) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

TEST(Import, IsicChallengeTableWithByteOrderMarkAndMissingValues) {
  const TempFolder folder;
  write_text(folder / "labels.csv",
             "\xEF\xBB\xBF"
             "file,isic_id,official_split,diagnosis,melanoma,seborrheic_keratosis,age_approx,sex,anatom_site_general,"
             "lesion_id\r\n"
             "train/A.png,A,train,nevus,0,0,55,female,anterior torso,L1\r\n"
             "train/B.png,B,test,melanoma,1,0,unknown,,NaN,\r\n");
  write_picture(folder / "train/A.png", 1);
  write_picture(folder / "train/B.png", 2);
  const ImportResult result = import_from("isic", folder);
  ASSERT_THAT(result.items, SizeIs(2));
  const Item& first = result.items[0];
  EXPECT_EQ(first.id, "A");
  EXPECT_EQ(first.label, "nevus");
  EXPECT_EQ(first.split, "train");
  EXPECT_EQ(first.lesion, "L1");
  EXPECT_EQ(first.source, "isic2017");
  EXPECT_EQ(first.licence, "CC0-1.0");
  EXPECT_EQ(first.modality, "dermoscopic");
  EXPECT_EQ(first.width, 48);
  EXPECT_EQ(first.metadata,
            (std::map<std::string, std::string>{{"age", "55"}, {"sex", "female"}, {"site", "anterior torso"}}));
  EXPECT_TRUE(result.items[1].metadata.empty());
}

TEST(Import, IsicArchiveOfTheNewLayout) {
  const TempFolder folder;
  write_text(folder / "metadata.csv",
             "isic_id,attribution,copyright_license,age_approx,anatom_site_general,diagnosis_1,diagnosis_2,diagnosis_3,"
             "diagnosis_confirm_type,fitzpatrick_skin_type,image_type,lesion_id,patient_id,sex\n"
             "I1,Hospital Italiano de Buenos Aires,CC-BY,35.0,NaN,Malignant,\"Malignant melanocytic proliferations "
             "(Melanoma)\",\"Melanoma, NOS\",histopathology,II,clinical: overview,L,P,male\n");
  write_picture(folder / "I1.png", 1);
  const Item item = import_from("isic", folder).items.at(0);
  EXPECT_EQ(item.label, "melanoma");
  EXPECT_EQ(item.label_basis, "histopathology");
  EXPECT_EQ(item.source, "hiba");
  EXPECT_EQ(item.licence, "CC-BY-4.0");
  EXPECT_EQ(item.modality, "clinical");
  EXPECT_EQ(item.patient, "P");
  EXPECT_EQ(item.metadata.at("age"), "35");
  EXPECT_EQ(item.metadata.at("fitzpatrick"), "II");
  EXPECT_FALSE(item.metadata.contains("site"));
}

TEST(Import, IsicGroundTruthAndMetadataAreMergedById) {
  const TempFolder folder;
  write_text(folder / "ISIC_2019_Training_GroundTruth.csv",
             "image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK\nX,0.0,0.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0\nY,0,1,0,0,0,0,0,0,0\n");
  write_text(folder / "ISIC_2019_Training_Metadata.csv",
             "image,age_approx,anatom_site_general,lesion_id,sex\nX,70,head/neck,BCN_1,male\nY,,,,\n");
  write_picture(folder / "images/X.png", 1);
  write_picture(folder / "images/Y.png", 2);
  const ImportResult result = import_from("isic", folder);
  ASSERT_THAT(result.items, SizeIs(2));
  EXPECT_EQ(result.items[0].label, "basal_cell_carcinoma");
  EXPECT_EQ(result.items[0].source, "bcn20000");
  EXPECT_EQ(result.items[0].split, "train");
  EXPECT_EQ(result.items[0].metadata.at("site"), "head/neck");
  EXPECT_EQ(result.items[1].label, "nevus");
  EXPECT_EQ(result.items[1].source, "isic2019");
  EXPECT_EQ(result.report.most_restrictive, "CC-BY-NC-4.0");
}

TEST(Import, PadReportsAbsentPicturesAndHonoursSplits) {
  const TempFolder folder;
  const std::string header =
      "patient_id,lesion_id,smoke,drink,background_father,background_mother,age,pesticide,gender,skin_cancer_history,"
      "cancer_history,has_piped_water,has_sewage_system,fitspatrick,region,diameter_1,diameter_2,diagnostic,itch,grew,"
      "hurt,changed,bleed,elevation,img_id,biopsed\n";
  write_text(
      folder / "metadata.csv",
      header +
          "PAT_1,7,False,False,POMERANIA,,55,False,FEMALE,True,True,True,True,3.0,NECK,6.0,9.0,BCC,True,UNK,False,"
          "True,True,True,one.png,True\n"
          "PAT_2,7,,,,,8,,,,,,,,ARM,,,NEV,False,False,False,False,False,False,two.png,False\n"
          "PAT_3,9,,,,,8,,,,,,,,ARM,,,NEV,False,False,False,False,False,False,gone.png,False\n");
  write_text(folder / "splits.csv",
             "img_id,split,pixels,resized_to_300\none.png,train,48x48,no\ntwo.png,test,48x48,no\n");
  write_picture(folder / "images/one.png", 1);
  write_picture(folder / "images/two.png", 2);
  const ImportResult result = import_from("pad_ufes_20", folder);
  ASSERT_THAT(result.items, SizeIs(2));
  EXPECT_THAT(result.report.absent, ElementsAre("gone.png"));
  EXPECT_EQ(excluded(result.report, "picture absent"), 1);
  EXPECT_EQ(result.report.read, 3);
  const Item& item = result.items[0];
  EXPECT_EQ(item.id, "one");
  EXPECT_EQ(item.split, "train");
  EXPECT_EQ(item.label_basis, "histopathology");
  EXPECT_EQ(item.metadata.at("fitzpatrick"), "III");
  EXPECT_EQ(item.metadata.at("site"), "neck");
  EXPECT_EQ(item.metadata.at("diameter"), "9");
  EXPECT_EQ(item.metadata.at("itch"), "yes");
  EXPECT_FALSE(item.metadata.contains("grew"));
  EXPECT_EQ(result.items[1].lesion, "7");
  EXPECT_EQ(result.items[1].patient, "PAT_2");
}

TEST(Import, UnreadablePicturesAreListedAndLeftOut) {
  const TempFolder folder;
  write_picture(folder / "nevus/good.png", 1);
  write_text(folder / "nevus/empty.png", "");
  write_text(folder / "melanoma/text.jpg", "no picture at all");
  const std::vector<uint8_t> whole = encode_png(testing::patterned_image(3));
  write_text(folder / "melanoma/cut.png",
             std::string(whole.begin(), whole.begin() + static_cast<long>(whole.size() / 2)));
  const ImportResult result = import_from("folder", folder);
  EXPECT_THAT(result.items, SizeIs(1));
  EXPECT_THAT(result.report.unreadable, SizeIs(3));
  EXPECT_EQ(excluded(result.report, "picture unreadable"), 3);
}

TEST(Import, PicturesOfOneStemKeepTheirExtensions) {
  const TempFolder folder;
  write_text(folder / "nevus/a.jpg", "no picture at all");
  write_picture(folder / "nevus/a.png", 1);
  write_picture(folder / "nevus/b.png", 2);
  write_picture(folder / "melanoma/b.png", 3);
  const ImportResult result = import_from("folder", folder);
  std::vector<std::string> ids;
  for (const Item& item : result.items) ids.push_back(item.id);
  EXPECT_THAT(ids, ElementsAre("melanoma/b", "nevus/a.png", "nevus/b"));
  EXPECT_EQ(excluded(result.report, "duplicate id"), 0);
  EXPECT_EQ(excluded(result.report, "picture unreadable"), 1);
}

TEST(Import, EveryFileOfAFolderIsCountedAndNamed) {
  const TempFolder folder;
  write_picture(folder / "nevus/good.png", 1);
  write_text(folder / "nevus/animation.gif", "GIF89a");
  write_text(folder / "nevus/deep.jp2", "");
  write_text(folder / "notes.txt", "hello");
  std::filesystem::create_symlink(folder / "nowhere.png", folder / "nevus/gone.png");
  const ImportResult result = import_from("folder", folder);
  EXPECT_EQ(result.report.read, 5);
  EXPECT_EQ(result.report.kept, 1);
  EXPECT_EQ(excluded(result.report, "other file"), 4);
  EXPECT_THAT(result.report.others,
              ElementsAre(HasSubstr("animation.gif (no picture kind that is read)"), HasSubstr("deep.jp2"),
                          HasSubstr("gone.png (a link to nothing)"), HasSubstr("notes.txt")));
  EXPECT_THAT(report_text(result.report), HasSubstr("gone.png"));
  EXPECT_EQ(to_json(result.report)["other_files"].size(), 4U);
}

TEST(Import, RowsWithoutIdOrClassAreNamedByLine) {
  const TempFolder folder;
  write_text(folder / "t.csv", "isic_id,diagnosis\nA,nevus\n,nevus\nB,callus\nC,corn\n");
  for (const char* name : {"A.png", "B.png", "C.png"}) write_picture(folder / name, name[0]);
  const ImportReport report = import_from("isic", folder).report;
  EXPECT_THAT(report.without_id, ElementsAre(HasSubstr("t.csv:3")));
  EXPECT_THAT(report.without_class, ElementsAre(HasSubstr("t.csv:4: callus"), HasSubstr("t.csv:5: corn")));
  EXPECT_THAT(report_text(report), HasSubstr("t.csv:4: callus"));
}

TEST(Import, FailsOnlyWhenNothingRemains) {
  const TempFolder folder;
  write_text(folder / "nevus/empty.png", "");
  EXPECT_THAT(error_of([&] { import_from("folder", folder); }), HasSubstr("no picture can be used"));
}

TEST(Import, FoldersGiveClassesAndSplits) {
  const TempFolder folder;
  write_picture(folder / "train/seborrheic-keratosis/a.png", 1);
  write_picture(folder / "validation/MEL/b.png", 2);
  write_picture(folder / "test/plain_skin/c.png", 3);
  const ImportResult result = import_from("folder", folder);
  ASSERT_THAT(result.items, SizeIs(2));
  EXPECT_EQ(result.items[0].label, "seborrheic_keratosis");
  EXPECT_EQ(result.items[0].split, "train");
  EXPECT_EQ(result.items[1].label, "melanoma");
  EXPECT_EQ(result.items[1].split, "val");
  EXPECT_EQ(result.report.unknown_labels, (std::map<std::string, int64_t>{{"plain_skin", 1}}));
}

TEST(Import, DuplicateBytesIdsAndLimits) {
  const TempFolder folder;
  write_text(folder / "t.csv", "isic_id,diagnosis\nA,nevus\nB,melanoma\nA,nevus\nC,nevus\nD,nevus\n");
  write_picture(folder / "A.png", 1);
  write_picture(folder / "B.png", 1);
  write_picture(folder / "C.png", 1, 96);
  write_picture(folder / "D.png", 4);
  const ImportResult result = import_from("isic", folder, 3);
  EXPECT_EQ(excluded(result.report, "duplicate id"), 1);
  EXPECT_EQ(excluded(result.report, "beyond --limit"), 1);
  EXPECT_THAT(result.report.duplicate_bytes, ElementsAre(ElementsAre("A", "B")));
  EXPECT_THAT(result.report.duplicate_conflicts, ElementsAre(HasSubstr("different labels")));
  const auto near = [](const char* a, const char* b) { return std::pair<std::string, std::string>(a, b); };
  EXPECT_THAT(result.report.near_duplicates, ElementsAre(near("A", "C"), near("B", "C")));
}

TEST(Import, CsvByColumnMap) {
  const TempFolder folder;
  write_text(folder / "rows.csv", "picture;name;years;note\nx.png;mole;40;\"two\nlines; quoted\"\ny.png;spot;;\n");
  write_text(folder / "map.toml",
             "file = \"rows.csv\"\nseparator = \";\"\nimage = \"picture\"\nlabel = \"name\"\nsource = \"site_b\"\n"
             "[metadata]\nage = \"years\"\n[labels]\nspot = \"lentigo\"\n");
  write_picture(folder / "x.png", 1);
  write_picture(folder / "y.png", 2);
  ImportOptions options{.kind = "csv", .folder = folder.path().string(), .map_file = folder / "map.toml"};
  const ImportResult result = import_source(options, pack());
  ASSERT_THAT(result.items, SizeIs(2));
  EXPECT_EQ(result.items[0].label, "nevus");
  EXPECT_EQ(result.items[0].source, "site_b");
  EXPECT_EQ(result.items[0].metadata.at("age"), "40");
  EXPECT_EQ(result.items[1].label, "lentigo");
  EXPECT_EQ(result.report.most_restrictive, "not stated");

  write_text(folder / "map.toml",
             "file = \"rows.csv\"\nimage = \"picture\"\nlabel = \"name\"\nsource = \"b\"\nlable = \"x\"\n");
  EXPECT_THAT(error_of([&] { import_source(options, pack()); }), HasSubstr("did you mean 'label'"));
}

TEST(Import, ValuesThatThePackDoesNotAllowAreCountedAndLeftOut) {
  const TempFolder folder;
  write_text(folder / "t.csv", "isic_id,diagnosis,age_approx,anatom_site_general\nA,nevus,430,left knee\n");
  write_picture(folder / "A.png", 1);
  const ImportResult result = import_from("isic", folder);
  EXPECT_TRUE(result.items[0].metadata.empty());
  EXPECT_EQ(result.report.unknown_values, (std::map<std::string, int64_t>{{"age: 430", 1}, {"site: left knee", 1}}));
}

TEST(Import, AmbiguousPictureNamesAreAnError) {
  const TempFolder folder;
  write_text(folder / "t.csv", "isic_id,diagnosis\nA,nevus\n");
  write_picture(folder / "train/A.png", 1);
  write_picture(folder / "test/A.png", 2);
  EXPECT_THAT(error_of([&] { import_from("isic", folder); }), HasSubstr("train/A.png"));
}

TEST(Import, BadCommandsSayWhatWouldDo) {
  const TempFolder folder;
  EXPECT_THAT(error_of([&] { import_from("isik", folder); }, ErrorKind::usage), HasSubstr("did you mean 'isic'"));
  EXPECT_THAT(error_of([&] { import_from("isic", folder); }), HasSubstr("no ISIC table found"));
  ImportOptions options{.kind = "isic", .folder = folder / "nowhere"};
  EXPECT_THAT(error_of([&] { import_source(options, pack()); }), HasSubstr("source folder cannot be read"));
  write_text(folder / "t.csv", "isic_id,diagnosis,split\nA,nevus,holdoutt\n");
  EXPECT_THAT(error_of([&] { import_from("isic", folder); }), HasSubstr("unknown split"));
}

// The official sets, where they lie beside the project: facts from their README.
TEST(ImportRealData, Isic2017HasSixPairsOfEqualBytesFourAcrossSplits) {
  const auto source = testing::real_data_folder() / "isic2017";
  DERMIS_NEED(source);
  ImportOptions options{.kind = "isic", .folder = source.string()};
  const ImportResult result = import_source(options, pack());
  EXPECT_EQ(result.report.kept, 2750);
  EXPECT_EQ(result.report.labels,
            (std::map<std::string, int64_t>{{"melanoma", 521}, {"nevus", 1843}, {"seborrheic_keratosis", 386}}));
  EXPECT_EQ(result.report.splits, (std::map<std::string, int64_t>{{"test", 600}, {"train", 2000}, {"val", 150}}));
  EXPECT_THAT(result.report.duplicate_bytes, SizeIs(6));
  EXPECT_THAT(result.report.duplicate_conflicts, SizeIs(4));
}

// Rows as BCN20000 and HIBA were released, with pictures drawn for them.
TEST(ImportRealData, EveryLayoutOfTheArchiveIsUnderstood) {
  const auto examples = testing::real_data_folder() / "metadata_examples";
  DERMIS_NEED(examples);
  for (const char* name : {"bcn_rows_isic2019_layout.csv", "hiba_isic_2024_rows.csv", "hiba_isic_legacy_rows.csv"}) {
    const TempFolder folder;
    std::filesystem::copy_file(examples / name, folder.path() / name);
    const CsvTable table = CsvTable::read((examples / name).string());
    int seed = 0;
    for (const CsvRow& row : table.rows()) write_picture(folder / (table.cell(row, "isic_id") + ".png"), ++seed, 16);
    const ImportResult result = import_from("isic", folder);
    EXPECT_EQ(result.report.kept, static_cast<int64_t>(table.rows().size())) << name;
    EXPECT_TRUE(result.report.unknown_values.empty()) << name;
    for (const Item& item : result.items) {
      EXPECT_FALSE(item.label.empty()) << item.id;
      EXPECT_EQ(item.source, name[0] == 'b' ? "bcn20000" : "hiba") << item.id;
    }
  }
}

TEST(ImportRealData, PadNames1548AbsentPictures) {
  const auto source = testing::real_data_folder() / "pad_ufes_20";
  DERMIS_NEED(source);
  ImportOptions options{.kind = "pad_ufes_20", .folder = source.string(), .limit = 20};
  const ImportResult result = import_source(options, pack());
  EXPECT_EQ(result.report.read, 2298);
  EXPECT_THAT(result.report.absent, SizeIs(1548));
  EXPECT_EQ(result.report.kept, 20);
  EXPECT_EQ(excluded(result.report, "beyond --limit"), 730);
}

}  // namespace
}  // namespace dermis
