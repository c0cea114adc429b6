#include "benchmarks/operators/report.h"

#include <fmt/format.h>

#include <algorithm>

namespace dermis {
namespace {

constexpr double kMega = 1e6, kGiga = 1e9;

bool bound_by_memory(const ContestRow& row) { return row.work == row.bytes; }

double gigabytes_a_second(const ContestRow& row) {
  const double seconds = row.ours().warm.median;
  return seconds > 0 ? row.bytes / seconds / kGiga : 0;
}

std::string of_limit(const ContestRow& row) {
  const std::string share = fmt::format("{:.0f} % of {}", 100 * row.share(), row.limit_name);
  if (bound_by_memory(row)) return share;
  return share + fmt::format(" ({:.1f} {})", row.achieved(row.ours().warm), row.unit);
}

std::string table_row(const ContestRow& row) {
  const std::string begin =
      fmt::format("| {} | {} | {} | {} | {:.1f} | ", row.workload, row.pass, row.title, row.dtype, row.bytes / kMega);
  if (!row.ours().failure.empty()) return begin + fmt::format("failed: {} | | | | | |\n", row.ours().failure);
  return begin + fmt::format("{} | {:.1f} | {} | {} |\n", describe(row.ours().warm), gigabytes_a_second(row),
                             of_limit(row), rival_cells(row));
}

// Of rows bound by memory, how many reach the wanted share.
std::string count_of_wanted(const ContestResult& result) {
  int rows = 0, reached = 0;
  for (const ContestRow& row : result.rows) {
    if (!row.ours().failure.empty() || !bound_by_memory(row)) continue;
    ++rows;
    if (row.share() >= kWantedShare) ++reached;
  }
  return fmt::format("\n{} of {} rows bound by memory reach {:.0f} % of a copy.\n", reached, rows, 100 * kWantedShare);
}

}  // namespace

std::vector<Ceiling> operator_ceilings(const std::vector<ContestRow>& rows) {
  std::vector<double> copies, products;
  Ceiling copy{"Copy", 0, "GB/s"}, product{"Matrix product", 0, ""};
  for (const ContestRow& row : rows) {
    if (row.limit == 0) continue;
    (bound_by_memory(row) ? copies : products).push_back(row.limit / row.scale);
    if (!bound_by_memory(row)) product.unit = row.unit;
  }
  copy.value = summarize(copies).median;
  product.value = summarize(products).median;
  std::vector<Ceiling> ceilings;
  if (!copies.empty()) ceilings.push_back(copy);
  if (!products.empty()) ceilings.push_back(product);
  return ceilings;
}

std::string operators_markdown(const ContestResult& result) {
  std::string text = heading("Operators", result);
  text +=
      "Bytes are those that must move: inputs read once, outputs written once. Operands of successive calls differ, so "
      "that caches hold none of them. A copy is no upper end: what only reads, or writes where it has read, can be "
      "faster. "
      "Ratios are the fastest rival's time over ours, interleaved in one process.\n\n"
      "| operator | pass | size | dtype | MB | ms (p10 to p90) | GB/s | of limit | fastest rival | its ms | ratio |\n"
      "| --- | --- | --- | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |\n";
  for (const ContestRow& row : result.rows) text += table_row(row);
  text += count_of_wanted(result);
  for (const std::string& failure : failed_rows(result)) text += "\nFailed: " + failure + ".\n";
  return text + all_contenders(result);
}

std::string operator_line(const ContestRow& row) {
  const std::string begin = fmt::format("{}, {}: ", row.workload, row.pass);
  if (!row.ours().failure.empty()) return begin + "failed, " + row.ours().failure;
  return begin + fmt::format("{:.1f} GB/s, {}, ratio {:.2f}", gigabytes_a_second(row), of_limit(row), row.ratio());
}

}  // namespace dermis
