#include "tests/gates/kernel_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace dermis::gates {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

KernelRow plain_row() {
  KernelRow row;
  row.kernel = "Probe<Bf16, 64>";
  row.architecture = "sm_80";
  row.registers = 96;
  row.threads = 128;
  row.blocks_per_sm = 2;
  row.shared_static = 1024;
  row.shared_dynamic = 65536;
  row.opcodes = {.hmma = 64, .ldsm = 32, .ldgsts = 8, .ex2 = 16, .barriers = 4};
  return row;
}

KernelTable table_of(std::vector<KernelRow> rows) { return {.compiler = "nvcc 13.0.88", .rows = std::move(rows)}; }
Measured measured(const KernelRow& row) { return {.table = table_of({row}), .notes = {}}; }

// What the gate says of a build that differs from the table by `change` of its only kernel.
template <class Change>
std::vector<std::string> budget_after(Change change) {
  KernelRow row = plain_row();
  change(row);
  return budget_findings(table_of({plain_row()}), measured(row));
}

TEST(KernelTable, ABuildAsInTheTablePasses) {
  EXPECT_THAT(budget_after([](KernelRow&) {}), IsEmpty());
  EXPECT_THAT(budget_after([](KernelRow& row) { row.registers = 90; }), IsEmpty());
  EXPECT_THAT(opcode_findings(table_of({plain_row()}), measured(plain_row())), IsEmpty());
}

TEST(KernelTable, EveryExcessIsALine) {
  EXPECT_THAT(budget_after([](KernelRow& row) { row.registers = 97; }),
              ElementsAre("Probe<Bf16, 64> [sm_80]: 97 registers, the table allows 96"));
  EXPECT_THAT(budget_after([](KernelRow& row) { row.spilled = 8; }),
              ElementsAre("Probe<Bf16, 64> [sm_80]: spills 8 bytes of registers"));
  EXPECT_THAT(budget_after([](KernelRow& row) { row.stack = 16; }),
              ElementsAre("Probe<Bf16, 64> [sm_80]: keeps 16 bytes on a stack"));
  EXPECT_THAT(budget_after([](KernelRow& row) { row.shared_static = 1040; }),
              ElementsAre(HasSubstr("1040 bytes of static shared memory, the table allows 1024")));
  EXPECT_THAT(budget_after([](KernelRow& row) { row.threads = 256; }),
              ElementsAre(HasSubstr("256 threads and 2 blocks an SM, the table has 128 and 2")));
  EXPECT_THAT(budget_after([](KernelRow& row) { row.blocks_per_sm = 1; }),
              ElementsAre(HasSubstr("128 threads and 1 blocks an SM")));
}

TEST(KernelTable, SharedMemoryHasALimitThatTheTableCannotRaise) {
  KernelRow row = plain_row();
  row.shared_dynamic = 101376 - 1024;  // 99 KiB with the static part
  EXPECT_THAT(budget_findings(table_of({row}), measured(row)), IsEmpty());
  row.shared_dynamic += 16;
  EXPECT_THAT(budget_findings(table_of({row}), measured(row)), ElementsAre(HasSubstr("a block may have 101376")));
}

TEST(KernelTable, MissingStaleAndDoubleRows) {
  KernelRow other = plain_row();
  other.architecture = "sm_90a";
  EXPECT_THAT(budget_findings(table_of({plain_row()}), {.table = table_of({plain_row(), other}), .notes = {}}),
              ElementsAre("Probe<Bf16, 64> [sm_90a]: is not in the table"));
  EXPECT_THAT(budget_findings(table_of({plain_row(), other}), measured(plain_row())),
              ElementsAre("Probe<Bf16, 64> [sm_90a]: is in the table, but not compiled"));
  EXPECT_THAT(budget_findings(table_of({plain_row()}), {.table = table_of({plain_row(), plain_row()}), .notes = {}}),
              ElementsAre(HasSubstr("is compiled in two files")));
}

TEST(KernelTable, NotesOfTheCompilerAreFindings) {
  Measured build = measured(plain_row());
  build.notes = {"ptxas info : (C7508) setmaxnreg ignored"};
  EXPECT_THAT(budget_findings(table_of({plain_row()}), build), ElementsAre(HasSubstr("C7508")));
}

TEST(KernelTable, OpcodesMustBeThoseOfTheTableNoneReachesLocalMemoryAndNoWarpParts) {
  KernelRow row = plain_row();
  row.opcodes.hmma = 60;
  EXPECT_THAT(opcode_findings(table_of({plain_row()}), measured(row)),
              ElementsAre("Probe<Bf16, 64> [sm_80]: 60 HMMA (matrix products), the table has 64"));
  row = plain_row();
  row.opcodes.local = 3;
  EXPECT_THAT(opcode_findings(table_of({row}), measured(row)),
              ElementsAre("Probe<Bf16, 64> [sm_80]: 3 instructions reach thread-local memory"));
  row = plain_row();
  row.opcodes.parted = 2;
  EXPECT_THAT(opcode_findings(table_of({row}), measured(row)),
              ElementsAre("Probe<Bf16, 64> [sm_80]: 2 warp-wide calls stand in branches that lanes may take apart"));
}

TEST(KernelTable, AnotherCompilersRegistersAndOpcodesAreNotComparedButItsSpillsAre) {
  KernelRow row = plain_row();
  row.registers = 120;
  row.opcodes.hmma = 60;
  Measured build = measured(row);
  build.table.compiler = "nvcc 13.4.1";
  EXPECT_THAT(budget_findings(table_of({plain_row()}), build), IsEmpty());
  EXPECT_THAT(opcode_findings(table_of({plain_row()}), build), IsEmpty());
  build.table.rows[0].spilled = 8;
  EXPECT_THAT(budget_findings(table_of({plain_row()}), build), ElementsAre(HasSubstr("spills")));
}

TEST(KernelTable, IsReadAsItIsWritten) {
  const std::string text = write_table(table_of({plain_row()}));
  EXPECT_THAT(text, HasSubstr("Probe<Bf16, 64>\tsm_80\t96\t128\t2\t1024\t65536\t64\t32\t8\t16\t4\n"));
  EXPECT_EQ(write_table(read_table(text, "t.tsv")), text);
  try {
    read_table(text + "Probe\tsm_80\tmany\n", "t.tsv");
    FAIL() << "a broken row was taken";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("t.tsv, line 4"));
  }
}

TEST(KernelTable, IsMeasuredFromLogsAndDisassembly) {
  const std::string name = "_ZN6dermis10run_on_gpuINS_5ProbeILi64EEELi128ELi2ELj65536EEEvNT_6ParamsE";
  const std::string log = "ptxas info    : Compiling entry function '" + name +
                          "' for 'sm_80'\n    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
                          "ptxas info    : Used 96 registers, used 1 barriers, 16 bytes smem\n";
  const std::map<KernelKey, Opcodes> sass = {{{name, "sm_80"}, {.hmma = 5}}};
  const Measured build = measured_kernels("nvcc 13.0.88", {log}, sass);
  ASSERT_EQ(build.table.rows.size(), 1U);
  EXPECT_EQ(build.table.rows[0].kernel, "Probe<64>");
  EXPECT_EQ(build.table.rows[0].shared_dynamic, 65536);
  EXPECT_EQ(build.table.rows[0].shared_static, 16);
  EXPECT_EQ(build.table.rows[0].opcodes.hmma, 5);
  EXPECT_THAT(measured_kernels("nvcc 13.0.88", {log}, std::map<KernelKey, Opcodes>{}).notes,
              ElementsAre(HasSubstr("is not in the disassembly")));
}

}  // namespace
}  // namespace dermis::gates
