#include "tests/gates/kernel_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "core/error.h"
#include "kernels/machine/machine.h"
#include "tests/gates/kernel_name.h"

namespace dermis::gates {
namespace {

constexpr const char* kColumns =
    "kernel\tarchitecture\tregisters\tthreads\tblocks an SM\tstatic shared\tdynamic "
    "shared\tHMMA\tLDSM\tLDGSTS\tEX2\tBAR";

using Key = std::pair<std::string, std::string>;
Key key_of(const KernelRow& row) { return {row.kernel, row.architecture}; }
std::string title(const KernelRow& row) { return fmt::format("{} [{}]", row.kernel, row.architecture); }

const KernelRow* find_row(const KernelTable& table, const KernelRow& like) {
  const auto found = std::find_if(table.rows.begin(), table.rows.end(),
                                  [&](const KernelRow& row) { return key_of(row) == key_of(like); });
  return found == table.rows.end() ? nullptr : &*found;
}

void compare(std::vector<std::string>& findings, const KernelRow& row, const char* what, int found, int allowed) {
  if (found > allowed)
    findings.push_back(fmt::format("{}: {} {}, the table allows {}", title(row), found, what, allowed));
}

void check_rules(std::vector<std::string>& findings, const KernelRow& row) {
  if (row.spilled > 0) findings.push_back(fmt::format("{}: spills {} bytes of registers", title(row), row.spilled));
  if (row.stack > 0) findings.push_back(fmt::format("{}: keeps {} bytes on a stack", title(row), row.stack));
  const int shared = row.shared_static + row.shared_dynamic;
  if (shared > static_cast<int>(kSharedLimit))
    findings.push_back(
        fmt::format("{}: {} bytes of shared memory, a block may have {}", title(row), shared, kSharedLimit));
}

}  // namespace

Measured measured_kernels(const std::string& compiler, const std::vector<std::string>& logs,
                          const std::optional<std::map<KernelKey, Opcodes>>& sass) {
  Measured measured{.table = {.compiler = compiler, .rows = {}}, .notes = {}};
  for (const std::string& text : logs) {
    const PtxasLog log = read_ptxas_log(text);
    measured.notes.insert(measured.notes.end(), log.notes.begin(), log.notes.end());
    for (const KernelUse& use : log.kernels) {
      const KernelName name = read_kernel_name(use.mangled);
      KernelRow row{.kernel = name.kernel,
                    .architecture = use.architecture,
                    .registers = use.registers,
                    .threads = name.threads,
                    .blocks_per_sm = name.blocks_per_sm,
                    .shared_static = use.shared_static,
                    .shared_dynamic = static_cast<int>(name.shared_dynamic),
                    .opcodes = {},
                    .stack = use.stack,
                    .spilled = use.spilled};
      if (sass.has_value()) {
        const auto found = sass->find({use.mangled, use.architecture});
        if (found != sass->end())
          row.opcodes = found->second;
        else
          measured.notes.push_back(title(row) + " is not in the disassembly");
      }
      measured.table.rows.push_back(std::move(row));
    }
  }
  std::sort(measured.table.rows.begin(), measured.table.rows.end(),
            [](const KernelRow& a, const KernelRow& b) { return key_of(a) < key_of(b); });
  return measured;
}

std::string write_table(const KernelTable& table) {
  std::string text = fmt::format("{}\n{}\n", table.compiler, kColumns);
  for (const KernelRow& row : table.rows) {
    const Opcodes& op = row.opcodes;
    text += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", row.kernel, row.architecture, row.registers,
                        row.threads, row.blocks_per_sm, row.shared_static, row.shared_dynamic, op.hmma, op.ldsm,
                        op.ldgsts, op.ex2, op.barriers);
  }
  return text;
}

KernelTable read_table(std::string_view text, const std::string& file) {
  std::istringstream lines{std::string(text)};
  KernelTable table;
  std::string line;
  std::getline(lines, table.compiler);
  std::getline(lines, line);
  const auto refuse = [&](size_t number, const std::string& expected, const std::string& found) {
    throw Error(ErrorKind::data, {.what = "not a table of kernels",
                                  .where = fmt::format("{}, line {}", file, number),
                                  .expected = expected,
                                  .found = found,
                                  .fix = "write it anew: make kernel-table"});
  };
  if (line != kColumns) refuse(2, kColumns, line);
  for (size_t number = 3; std::getline(lines, line); ++number) {
    std::istringstream cells(line);
    KernelRow row;
    std::getline(cells, row.kernel, '\t');
    std::getline(cells, row.architecture, '\t');
    Opcodes& op = row.opcodes;
    cells >> row.registers >> row.threads >> row.blocks_per_sm >> row.shared_static >> row.shared_dynamic >> op.hmma >>
        op.ldsm >> op.ldgsts >> op.ex2 >> op.barriers;
    if (!cells) refuse(number, "12 cells, separated by tabs", line);
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::vector<std::string> budget_findings(const KernelTable& table, const Measured& measured) {
  std::vector<std::string> findings;
  for (const std::string& note : measured.notes) findings.push_back("the compiler says: " + note);
  const KernelRow* before = nullptr;
  for (const KernelRow& row : measured.table.rows) {
    if (before != nullptr && key_of(*before) == key_of(row))
      findings.push_back(title(row) + ": is compiled in two files");
    before = &row;
    check_rules(findings, row);
    const KernelRow* allowed = find_row(table, row);
    if (allowed == nullptr) {
      findings.push_back(title(row) + ": is not in the table");
      continue;
    }
    if (table.compiler == measured.table.compiler)
      compare(findings, row, "registers", row.registers, allowed->registers);
    compare(findings, row, "bytes of static shared memory", row.shared_static, allowed->shared_static);
    compare(findings, row, "bytes of dynamic shared memory", row.shared_dynamic, allowed->shared_dynamic);
    if (row.threads != allowed->threads || row.blocks_per_sm < allowed->blocks_per_sm)
      findings.push_back(fmt::format("{}: {} threads and {} blocks an SM, the table has {} and {}", title(row),
                                     row.threads, row.blocks_per_sm, allowed->threads, allowed->blocks_per_sm));
  }
  for (const KernelRow& row : table.rows)
    if (find_row(measured.table, row) == nullptr)
      findings.push_back(title(row) + ": is in the table, but not compiled");
  return findings;
}

std::vector<std::string> opcode_findings(const KernelTable& table, const Measured& measured) {
  std::vector<std::string> findings;
  for (const KernelRow& row : measured.table.rows) {
    if (row.opcodes.local > 0)
      findings.push_back(fmt::format("{}: {} instructions reach thread-local memory", title(row), row.opcodes.local));
    if (row.opcodes.parted > 0)
      findings.push_back(fmt::format("{}: {} warp-wide calls stand in branches that lanes may take apart", title(row),
                                     row.opcodes.parted));
    const KernelRow* expected = find_row(table, row);
    if (expected == nullptr || table.compiler != measured.table.compiler) continue;
    const auto same = [&](const char* opcode, int found, int wanted) {
      if (found != wanted)
        findings.push_back(fmt::format("{}: {} {}, the table has {}", title(row), found, opcode, wanted));
    };
    const Opcodes &found = row.opcodes, &wanted = expected->opcodes;
    same("HMMA (matrix products)", found.hmma, wanted.hmma);
    same("LDSM (ldmatrix)", found.ldsm, wanted.ldsm);
    same("LDGSTS (asynchronous copies)", found.ldgsts, wanted.ldgsts);
    same("MUFU.EX2 (exponentials)", found.ex2, wanted.ex2);
    same("BAR (barriers)", found.barriers, wanted.barriers);
  }
  return findings;
}

}  // namespace dermis::gates
