#include "core/error.h"

#include <gtest/gtest.h>

#include "core/enum_traits.h"
#include "core/io/dtype.h"
#include "core/nearest_name.h"

namespace dermis {
namespace {

TEST(Error, ExitCodesAreDistinct) {
  EXPECT_EQ(exit_code(ErrorKind::usage), 2);
  EXPECT_EQ(exit_code(ErrorKind::data), 3);
  EXPECT_EQ(exit_code(ErrorKind::device), 4);
  EXPECT_EQ(exit_code(ErrorKind::internal), 5);
  EXPECT_EQ(exit_code(ErrorKind::interrupted), 130);
}

TEST(Error, MessageHoldsWhatIsSet) {
  const Error error(ErrorKind::data, {.what = "bad size", .where = "a.tar, key x", .found = "3"});
  EXPECT_STREQ(error.what(), "bad size\n  where: a.tar, key x\n  found: 3");
  EXPECT_STREQ(name_of(error.kind()), "data");
}

TEST(Error, AFailedCheckIsInternalAndNamesThePlace) {
  try {
    DERMIS_CHECK(1 + 1 == 3, "arithmetic");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::internal);
    EXPECT_NE(error.info().what.find("arithmetic"), std::string::npos);
    EXPECT_NE(error.info().where.find("error_test.cpp:"), std::string::npos);
  }
}

TEST(NearestName, OffersOnlyWhatIsNear) {
  const std::vector<std::string> names{"train", "eval", "data import"};
  EXPECT_EQ(nearest_name("trian", names), "train");
  EXPECT_EQ(nearest_name("evl", names), "eval");
  EXPECT_EQ(nearest_name("data imort", names), "data import");
  EXPECT_EQ(nearest_name("xyzzy", names), "");
  EXPECT_EQ(nearest_name("x", {}), "");
}

TEST(EnumTraits, NamesParseAndPrint) {
  for (const auto& [value, name] : EnumTraits<DType>::kNames) {
    EXPECT_EQ(parse_enum<DType>(name), value);
    EXPECT_EQ(name_of_enum(value), name);
  }
  EXPECT_FALSE(parse_enum<DType>("f32").has_value());
  EXPECT_EQ(name_of_enum(static_cast<DType>(99)), "");
  EXPECT_EQ(enum_names<DType>().front(), "BOOL");
}

TEST(DType, Sizes) {
  EXPECT_EQ(size_of(DType::bool8), 1U);
  EXPECT_EQ(size_of(DType::f8_e4m3), 1U);
  EXPECT_EQ(size_of(DType::i16), 2U);
  EXPECT_EQ(size_of(DType::bf16), 2U);
  EXPECT_EQ(size_of(DType::i32), 4U);
  EXPECT_EQ(size_of(DType::f32), 4U);
  EXPECT_EQ(size_of(DType::f64), 8U);
  EXPECT_EQ(size_of(DType::u64), 8U);
}

}  // namespace
}  // namespace dermis
