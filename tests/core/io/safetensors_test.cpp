#include "core/io/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "core/error.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using testing::TempFolder;

std::string length_prefix(uint64_t length) {
  std::string bytes(8, '\0');
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(length >> (8 * i));
  return bytes;
}

class Safetensors : public ::testing::Test {
 protected:
  std::string path() const { return folder_ / "x.safetensors"; }
  void put(const std::string& bytes) const { std::ofstream(path(), std::ios::binary) << bytes; }
  void put(const std::string& header, size_t data_bytes) const {
    put(length_prefix(header.size()) + header + std::string(data_bytes, '\1'));
  }
  // The message of the Error(data) that opening must throw; it always names the file.
  std::string error() const {
    try {
      SafetensorsFile::open(path());
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_NE(std::string(error.what()).find(path()), std::string::npos);
      return error.what();
    }
    ADD_FAILURE() << "accepted";
    return "";
  }
  void expect_error(const std::string& header, size_t data_bytes, const std::string& part) const {
    put(header, data_bytes);
    EXPECT_NE(error().find(part), std::string::npos) << error();
  }

  TempFolder folder_;
};

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

TEST_F(Safetensors, WritesWhatTheReferenceWriterWrites) {
  // safetensors 0.8.0: save({"b": f32 [1, 2], "a": i64 [[3]], "c": u8 7, "e": f16 [0, 3], "aa": f32 [5]}, {"format":
  // "pt"})
  const std::string golden =
      length_prefix(0x138) +
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"I64","shape":[1,1],"data_offsets":[0,8]},)"
      R"("aa":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},)"
      R"("b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]},)"
      R"("e":{"dtype":"F16","shape":[0,3],"data_offsets":[20,20]},)"
      R"("c":{"dtype":"U8","shape":[],"data_offsets":[20,21]}}     )" +
      std::string("\3\0\0\0\0\0\0\0\0\0\xa0@\0\0\x80?\0\0\0@\7", 21);
  const std::string a("\3\0\0\0\0\0\0\0", 8);
  const std::string aa("\0\0\xa0@", 4);
  const std::string b("\0\0\x80?\0\0\0@", 8);
  const std::string c = "\7";
  const std::vector<TensorView> views{{.name = "b", .dtype = DType::f32, .shape = {2}, .bytes = bytes_of(b)},
                                      {.name = "a", .dtype = DType::i64, .shape = {1, 1}, .bytes = bytes_of(a)},
                                      {.name = "c", .dtype = DType::u8, .shape = {}, .bytes = bytes_of(c)},
                                      {.name = "e", .dtype = DType::f16, .shape = {0, 3}, .bytes = {}},
                                      {.name = "aa", .dtype = DType::f32, .shape = {1}, .bytes = bytes_of(aa)}};
  write_safetensors(path(), views, {{"format", "pt"}});
  std::ifstream stream(path(), std::ios::binary);
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(stream)), {}), golden);
}

TEST_F(Safetensors, ReadsScalarsEmptyTensorsAndMetadata) {
  const std::string header =
      R"({"__metadata__":{"format":"pt","":"x"},"s":{"dtype":"BF16","shape":[],"data_offsets":[0,2]},)"
      R"("none":{"shape":[4,0,2],"data_offsets":[2,2],"dtype":"F64"},"m":{"dtype":"F8_E4M3","shape":[2,3],"data_offsets":[2,8]}}   )";
  put(header, 8);
  const auto file = SafetensorsFile::open(path());
  ASSERT_EQ(file.tensors().size(), 3U);
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}, {"", "x"}}));
  ASSERT_NE(file.find("s"), nullptr);
  EXPECT_TRUE(file.find("s")->shape.empty());
  EXPECT_EQ(file.find("s")->dtype, DType::bf16);
  EXPECT_EQ(file.find("s")->bytes.size(), 2U);
  EXPECT_EQ(file.find("none")->bytes.size(), 0U);
  EXPECT_EQ(file.find("m")->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(file.find("absent"), nullptr);
}

TEST_F(Safetensors, AcceptsAFileWithoutTensors) {
  put("{}", 0);
  EXPECT_TRUE(SafetensorsFile::open(path()).tensors().empty());
}

TEST_F(Safetensors, RoundTripsEveryDtypeAndMoves) {
  std::vector<std::string> data;
  for (const auto& [dtype, name] : EnumTraits<DType>::kNames) data.emplace_back(size_of(dtype) * 6, *name.data());
  std::vector<TensorView> views;
  for (size_t i = 0; i < data.size(); ++i) {
    const auto& [dtype, name] = EnumTraits<DType>::kNames[i];
    views.push_back({.name = std::string(name), .dtype = dtype, .shape = {3, 2}, .bytes = bytes_of(data[i])});
  }
  write_safetensors(path(), views, {{"k", "v"}});
  auto first = SafetensorsFile::open(path());
  const auto file = std::move(first);
  ASSERT_EQ(file.tensors().size(), data.size());
  for (const TensorView& view : views) {
    const TensorView* read = file.find(view.name);
    ASSERT_NE(read, nullptr);
    EXPECT_EQ(read->dtype, view.dtype);
    EXPECT_EQ(read->shape, view.shape);
    ASSERT_EQ(read->bytes.size(), view.bytes.size());
    EXPECT_EQ(std::memcmp(read->bytes.data(), view.bytes.data(), view.bytes.size()), 0);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(read->bytes.data()) % size_of(view.dtype), 0U);
  }
}

TEST_F(Safetensors, RejectsFilesWithoutAWholeHeader) {
  put("");
  EXPECT_NE(error().find("too short"), std::string::npos);
  put("\2\0\0\0{}");
  EXPECT_NE(error().find("too short"), std::string::npos);
  put(length_prefix(3) + "{}");
  EXPECT_NE(error().find("header ends behind the file"), std::string::npos);
  put(length_prefix(~uint64_t{0}) + "{}");
  EXPECT_NE(error().find("header length at offset 0 is too large"), std::string::npos);
  put(length_prefix(~uint64_t{0} - 7) + "{}");
  EXPECT_NE(error().find("header length at offset 0 is too large"), std::string::npos);
  put(length_prefix(100'000'001) + std::string(100'000'001, ' '));
  EXPECT_NE(error().find("100000001"), std::string::npos);
  put(length_prefix(0));
  EXPECT_NE(error().find("does not start with '{'"), std::string::npos);
}

TEST_F(Safetensors, TakesALongHeader) {
  const std::string header = "{}" + std::string(20'000'000, ' ');
  put(header, 0);
  EXPECT_TRUE(SafetensorsFile::open(path()).tensors().empty());
}

TEST_F(Safetensors, RejectsHeadersThatAreNotCleanJson) {
  expect_error(" {}", 0, "does not start with '{'");
  expect_error("[]", 0, "does not start with '{'");
  expect_error("{", 0, "not UTF-8 JSON");
  expect_error("{}x", 0, "not UTF-8 JSON");
  expect_error(std::string("{}\0", 3), 0, "zero byte");
  expect_error("{\"\xff\":1}", 0, "not UTF-8 JSON");
  expect_error("{\"\xc0\xaf\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1, "not UTF-8 JSON");
  expect_error("{\"a\":" + std::string(1000, '['), 0, "nested too deeply");
  expect_error(
      R"({"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[],"data_offsets":[1,2]}})",
      2, "'a' occurs twice");
  expect_error(R"({"a":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}})", 1, "'dtype' occurs twice");
  expect_error(R"({"__metadata__":{"a":"1"},"__metadata__":{"a":"1"}})", 0, "occurs twice");
}

TEST_F(Safetensors, RejectsBadMetadata) {
  expect_error(R"({"__metadata__":{"a":1}})", 0, "text for 'a'");
  expect_error(R"({"__metadata__":[]})", 0, "__metadata__ is not an object");
}

TEST_F(Safetensors, RejectsBadEntriesNamingTheTensor) {
  const auto entry = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  const auto check = [&](const std::string& header, const std::string& part) {
    expect_error(header, 8, part);
    EXPECT_NE(error().find("tensor 'w'"), std::string::npos);
  };
  check(R"({"w":1})", "not an object");
  check(R"({"w":{"dtype":"F32","shape":[2]}})", "field is missing");
  check(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})", "unknown field");
  check(entry("\"F33\"", "[2]", "[0,8]"), "unknown dtype");
  check(entry("7", "[2]", "[0,8]"), "unknown dtype");
  check(entry("\"F32\"", "2", "[0,8]"), "shape is not a list");
  check(entry("\"F32\"", "[-2]", "[0,8]"), "shape is not a list");
  check(entry("\"F32\"", "[2.0]", "[0,8]"), "shape is not a list");
  check(entry("\"F32\"", "[[2]]", "[0,8]"), "shape is not a list");
  check(entry("\"F32\"", "[9223372036854775808]", "[0,8]"), "shape is not a list");
  check(entry("\"F32\"", "[99999999999999999999999]", "[0,8]"), "shape is not a list");
  check(entry("\"F32\"", "[2]", "[0,8,16]"), "not a range");
  check(entry("\"F32\"", "[2]", "[8,0]"), "not a range");
  check(entry("\"F32\"", "[3]", "[0,8]"), "12 bytes for shape [3] of F32");
  // 4 * 2^31 * 2^31 = 2^64: wraps to zero, and with a factor 1 more to something small
  check(entry("\"F32\"", "[2147483648,2147483648]", "[0,0]"), "more than 2^64");
  check(entry("\"F32\"", "[4611686018427387905]", "[0,4]"), "more than 2^64");
  check(entry("\"F64\"", "[4611686018427387904,4,0]", "[0,0]"), "more than 2^64");
}

TEST_F(Safetensors, RejectsDataThatDoesNotTileTheFile) {
  const auto two = [](const std::string& a, const std::string& b) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + a +
           R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + b + "}}";
  };
  put(two("[4,8]", "[0,4]"), 8);
  EXPECT_EQ(SafetensorsFile::open(path()).tensors()[0].name, "b");
  expect_error(two("[0,4]", "[0,4]"), 8, "overlaps");
  expect_error(two("[0,4]", "[3,7]"), 8, "tensor 'b'");
  expect_error(two("[0,4]", "[3,7]"), 8, "overlaps");
  expect_error(two("[0,4]", "[5,9]"), 9, "hole before the data");
  expect_error(two("[1,5]", "[5,9]"), 9, "hole before the data");
  expect_error(two("[0,4]", "[4,8]"), 7, "data ends behind the file");
  expect_error(two("[0,4]", "[4,8]"), 9, "data behind the last tensor");
  expect_error("{}", 1, "data behind the last tensor");
}

TEST_F(Safetensors, EveryTruncationIsRejected) {
  const std::string data(24, 'd');
  const std::vector<TensorView> views{{.name = "a", .dtype = DType::f32, .shape = {2, 3}, .bytes = bytes_of(data)}};
  write_safetensors(path(), views);
  std::ifstream stream(path(), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(stream)), {});
  for (size_t length = 0; length < whole.size(); ++length) {
    put(whole.substr(0, length));
    EXPECT_FALSE(error().empty()) << length;
  }
}

TEST_F(Safetensors, WriterRefusesWhatTheReaderWouldRefuse) {
  const std::string data(4, 'd');
  const TensorView good{.name = "a", .dtype = DType::f32, .shape = {1}, .bytes = bytes_of(data)};
  TensorView wrong = good;
  wrong.shape = {2};
  TensorView reserved = good;
  reserved.name = "__metadata__";
  for (const std::vector<TensorView>& views : {std::vector{good, good}, std::vector{wrong}, std::vector{reserved}}) {
    EXPECT_THROW(write_safetensors(path(), views), Error);
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  }
}

TEST_F(Safetensors, NamesAnAbsentFile) { EXPECT_NE(error().find("cannot open"), std::string::npos); }

}  // namespace
}  // namespace dermis
