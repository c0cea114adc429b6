// The benchmark of operators with a clock that a test winds: bytes, what is checked, what is timed, in which order.
#include "benchmarks/operators/bench.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "benchmarks/cmd/operators.h"
#include "benchmarks/operators/report.h"
#include "benchmarks/operators/rows.h"
#include "core/error.h"
#include "kernels/rms_norm/rms_norm_cuda.h"
#include "tests/benchmarks/operators/small_sizes.h"
#include "tests/kernels/cuda/emulated_entries.h"
#include "tests/kernels/cuda/emulated_gpu.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kSmallSizes;

// Says that every call took a millisecond.
class ConstantStopwatch : public Stopwatch {
 public:
  double seconds(const std::function<void()>& call, int calls) override {
    for (int i = 0; i < calls; ++i) call();
    return 1e-3;
  }
  double cold_seconds(const std::function<void()>&) override { return 0; }
};

OperatorBenchSetting setting_of(Stopwatch& stopwatch) {
  return {
      .stopwatch = stopwatch, .copy = [] { return 2e6; }, .product = [] { return 4e6; }, .rounds = 2, .sample_s = 1e-3};
}

OperatorSetting small_setting() { return {.sizes = kSmallSizes}; }

std::map<std::string, OperatorCase> cases_of(const OperatorSetting& setting) {
  std::map<std::string, OperatorCase> cases;
  for (const OperatorRow& row : all_operator_rows(setting)) cases[row.op + ", " + row.pass] = row.make();
  return cases;
}

// Counted by hand for the small sizes in fp32: a tensor of the norms is 5 x 24 x 4 = 480 bytes, and so on.
TEST(OperatorBench, CountsTheBytesThatMustMove) {
  const std::map<std::string, double> expected{{"rms_norm, forward", 2 * 480 + 96},
                                               {"rms_norm, backward", 3 * 480 + 20 + 2 * 96},
                                               {"add_rms_norm, forward", 4 * 480 + 96},
                                               {"add_rms_norm, backward", 4 * 480 + 20 + 2 * 96},
                                               {"layer_norm, forward", 2 * 384 + 2 * 96},
                                               {"layer_norm, backward", 3 * 384 + 2 * 16 + 3 * 96},
                                               {"rope, forward", 2 * 640 + 320},
                                               {"rope, backward", 2 * 640 + 320},
                                               {"gated_gelu, forward", 3 * 192},
                                               {"gated_gelu, backward", 5 * 192},
                                               {"gelu_tanh, forward", 2 * 320},
                                               {"gelu_tanh, backward", 3 * 320},
                                               {"linear_cross_entropy, forward + backward", 2 * (3 + 11) * 64 + 3 * 8},
                                               {"adamw_fp32, step", 42 * 28},
                                               {"adamw_bf16, step", 42 * 22},
                                               {"gradient_norm, norm", 63 * 4},
                                               {"sampling_top_k, draw", 2 * (400 + 12)},
                                               {"sampling_top_p, draw", 2 * (400 + 12)},
                                               {"image_normalise, forward", 75 * 5}};
  const auto cases = cases_of(small_setting());
  EXPECT_EQ(cases.size(), expected.size() + 2);  // the embedding's two stand below
  for (const auto& [name, bytes] : expected) {
    ASSERT_TRUE(cases.contains(name)) << name;
    EXPECT_EQ(cases.at(name).bytes, bytes) << name;
  }
  EXPECT_EQ(cases.at("linear_cross_entropy, forward + backward").flops, 6.0 * 3 * 16 * 11);
}

TEST(OperatorBench, CountsWordsOnceHoweverOftenTheyAreRead) {
  OperatorSetting setting = small_setting();
  setting.sizes.vocabulary = 1;  // three tokens are this word, two are features; rows are 64 bytes
  const auto cases = cases_of(setting);
  EXPECT_EQ(cases.at("embed_tokens, forward").bytes, (1 + 2 + 5) * 64 + 5 * 16);
  EXPECT_EQ(cases.at("embed_tokens, backward").bytes, (5 + 1 + 2) * 64 + 5 * 16);
}

TEST(OperatorBench, OperandsOfSuccessiveCallsTakeMoreThanTheCaches) {
  OperatorSetting setting = small_setting();
  setting.footprint = 2000;
  EXPECT_EQ(setting.sets(999), 3U);
  EXPECT_EQ(setting.sets(2001), 1U);
  EXPECT_EQ(setting.sets(1), 16U);
}

void expect_all_pass(const OperatorSetting& setting, size_t row_count) {
  ConstantStopwatch stopwatch;
  const OperatorRows rows = all_operator_rows(setting);
  EXPECT_EQ(rows.size(), row_count);
  for (const OperatorRow& row : rows) {
    const ContestRow found = bench_operator(row, setting_of(stopwatch));
    const std::string name = row.op + ", " + row.pass;
    EXPECT_GE(found.contenders.size(), 2U) << name;
    for (const ContenderResult& contender : found.contenders) {
      EXPECT_EQ(contender.failure, "") << name << ", " << contender.name;
      EXPECT_EQ(contender.warm.median, 1e-3) << name << ", " << contender.name;
    }
  }
}

TEST(OperatorBench, EveryOperatorIsRightOnTheCpu) {
  OperatorSetting setting = small_setting();
  setting.footprint = 3000;  // several sets of operands
  expect_all_pass(setting, 21);
}

// The same rows and those whose kernels no operator passes, in bf16 through the kernels.
TEST(OperatorBench, EveryOperatorIsRightOnTheEmulatedGpu) {
  const testing::EmulatedGpu gpu(testing::emulated_operator_entries());
  OperatorSetting setting = small_setting();
  setting.dtype = at::kBFloat16;
  setting.module = cuda_kernels_for("bench", at::kCPU, at::kFloat);
  expect_all_pass(setting, 24);
}

ContestRow rms_norm_row(const DermisCudaEntries& entries) {
  const testing::EmulatedGpu gpu(entries);
  ConstantStopwatch stopwatch;
  const OperatorSetting setting = small_setting();
  return bench_operator(rms_norm_rows(setting).front(), setting_of(stopwatch));
}

TEST(OperatorBench, AKernelThatIsWrongOrRefusedFailsItsRowAlone) {
  DermisCudaEntries entries = testing::emulated_operator_entries();
  EXPECT_EQ(rms_norm_row(entries).ours().failure, "");
  entries.rms_norm_forward = [](const RmsNormForwardParams& params, void* stream) {
    RmsNormForwardParams without_one = params;
    without_one.weight_offset = 0;  // Llama's weights where Gemma's are meant
    return testing::emulated_operator_entries().rms_norm_forward(without_one, stream);
  };
  const ContestRow wrong = rms_norm_row(entries);
  EXPECT_THAT(wrong.ours().failure, HasSubstr("wrong: off by"));
  EXPECT_EQ(wrong.ours().warm.median, 0);
  EXPECT_EQ(wrong.best_rival(), nullptr);
  entries.rms_norm_forward = [](const RmsNormForwardParams&, void*) { return 1; };
  EXPECT_THAT(rms_norm_row(entries).ours().failure, HasSubstr("invalid argument (error 1)"));
}

OperatorRow made_up(std::vector<OperatorContender> contenders) {
  return {"made_up", "forward", "fp32", [=] {
            OperatorCase work;
            work.shape = "3";
            work.bytes = 1000;
            work.sets = 2;
            work.contenders = contenders;
            work.expected = [] { return Tensors{at::ones({3})}; };
            work.allowed = 1e-3;
            return work;
          }};
}
OperatorContender answering(const char* name, double answer, std::string* order = nullptr) {
  return {name, [=](size_t set) {
            if (order != nullptr) *order += name + std::to_string(set) + " ";
            return Tensors{at::full({3}, answer)};
          }};
}

TEST(OperatorBench, TimesWhatIsRightAndSaysWhyNotTheRest) {
  ConstantStopwatch stopwatch;
  const OperatorContender refused{"refused", [](size_t) -> Tensors { TORCH_CHECK(false, "not this size\nmore"); }};
  const ContestRow row = bench_operator(made_up({answering("Dermis", 1), answering("right", 1),
                                                 answering("wrong", 1.01), refused, answering("nan", NAN)}),
                                        setting_of(stopwatch));
  EXPECT_EQ(row.best_rival()->name, "right");
  EXPECT_THAT(row.contenders[2].failure, HasSubstr("wrong: off by 1.0e-02"));
  EXPECT_EQ(row.contenders[3].failure, "not this size");
  EXPECT_THAT(row.contenders[4].failure, HasSubstr("nan"));
  EXPECT_EQ(row.bytes, 1000);
  EXPECT_DOUBLE_EQ(row.share(), 0.5);  // 1,000 bytes in a millisecond, where a copy moves 2,000
}

TEST(OperatorBench, ContendersTakeTurnsAndSets) {
  ConstantStopwatch stopwatch;
  std::string order;
  bench_operator(made_up({answering("a", 1, &order), answering("b", 1, &order)}), setting_of(stopwatch));
  EXPECT_EQ(order,
            "a0 a1 b0 b1 "    // checked, all sets touched
            "a0 b0 "          // how long one takes
            "a1 b1 b0 a0 ");  // two rounds
}

TEST(OperatorBench, OurOwnWrongResultIsReportedAndNothingOfItsRowTimed) {
  ConstantStopwatch stopwatch;
  ContestResult result;
  result.rows.push_back(
      bench_operator(made_up({answering("Dermis", 2), answering("right", 1)}), setting_of(stopwatch)));
  result.rows.push_back(bench_operator(made_up({answering("Dermis", 1)}), setting_of(stopwatch)));
  EXPECT_THAT(failed_rows(result), ElementsAre("made_up, forward: wrong: off by 1.0e+00"));
  EXPECT_EQ(result.rows[0].contenders[1].warm.median, 0);
  EXPECT_EQ(result.rows[1].ours().warm.median, 1e-3);
}

TEST(OperatorBench, WhatCannotBeMadeIsReportedToo) {
  ConstantStopwatch stopwatch;
  const OperatorRow row{"made_up", "forward", "fp32",
                        []() -> OperatorCase { TORCH_CHECK(false, "no memory left\nmore"); }};
  EXPECT_EQ(bench_operator(row, setting_of(stopwatch)).ours().failure, "no memory left");
}

TEST(OperatorBench, UnknownOperatorsAreRefusedWithTheList) {
  OperatorBenchOptions options;
  options.only = {"rms"};
  try {
    bench_operators(options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), HasSubstr("rms_norm, add_rms_norm, layer_norm"));
  }
}

TEST(OperatorBench, AQuickRunOnTheCpuHasAllRows) {
  const testing::TempFolder folder;
  CommandTable table;
  ASSERT_EQ(bench_operators_command(
                table, {"--device", "cpu", "--threads", "1", "--quick", "--rounds", "1", "--out", folder / "out"}),
            0);
  const auto json = nlohmann::json::parse(std::ifstream(folder.path() / "out/operators.json"));
  EXPECT_EQ(json["benchmark"], "operators");
  EXPECT_EQ(json["rounds"], 1);
  EXPECT_EQ(json["rows"].size(), 21U);
  for (const auto& row : json["rows"]) {
    EXPECT_FALSE(row["contenders"][0].contains("failure")) << row;
    EXPECT_GT(row["contenders"][0]["warm"]["median_s"], 0) << row;
    EXPECT_GT(row["bytes"], 0) << row;
    EXPECT_GT(row["limit"], 0) << row;
  }
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "out/operators.md"));
}

}  // namespace
}  // namespace dermis
