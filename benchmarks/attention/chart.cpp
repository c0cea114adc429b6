// The benchmark's SVG: two bars a row, rates on one axis from 0 to the limit; rates in other units (decode) are drawn
// as shares of their own limit, so that all bars end at the same line.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "benchmarks/attention/result.h"
#include "core/text/html.h"

namespace dermis {
namespace {

constexpr int kLabelWidth = 330, kBarsWidth = 420, kTextWidth = 150, kRowHeight = 34, kTop = 64;
constexpr const char *kOurs = "#1f5fa8", *kRival = "#b9bfc7";

std::string bar(int y, int height, double share, const char* colour, const std::string& text) {
  const double width = std::clamp(share, 0.0, 1.0) * kBarsWidth;
  return fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" fill=\"{}\"/>\n", kLabelWidth, y, width,
                     height, colour) +
         fmt::format(
             "<text x=\"{:.1f}\" y=\"{}\" font-size=\"11\" stroke=\"white\" stroke-width=\"3\" "
             "paint-order=\"stroke\">{}</text>\n",
             kLabelWidth + width + 5, y + height - 3, escape_html(text));
}

std::string row_bars(const ContestRow& row, int y) {
  const auto share = [&](const TimeSummary& time) {
    return row.limit > 0 ? row.achieved(time) * row.scale / row.limit : 0;
  };
  std::string svg = fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", kLabelWidth - 8, y + 18,
                                escape_html(row.workload + ", " + row.pass));
  svg +=
      bar(y + 2, 14, share(row.ours().warm), kOurs, fmt::format("{:.0f} {}", row.achieved(row.ours().warm), row.unit));
  if (const ContenderResult* rival = row.best_rival(); rival != nullptr)
    svg +=
        bar(y + 17, 12, share(rival->warm), kRival, fmt::format("{:.0f} {}", row.achieved(rival->warm), rival->name));
  return svg;
}

// "FMA peak", or "a matrix product, a copy": of the rows, each once.
std::string limits_of(const ContestResult& result) {
  std::vector<std::string> names;
  for (const ContestRow& row : result.rows)
    if (std::find(names.begin(), names.end(), row.limit_name) == names.end()) names.push_back(row.limit_name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::string svg_chart(const ContestResult& result) {
  const int width = kLabelWidth + kBarsWidth + kTextWidth;
  const int bottom = kTop + static_cast<int>(result.rows.size()) * kRowHeight;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" font-family="
      "\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, bottom + 16, width, bottom + 16);
  svg += fmt::format("<text x=\"8\" y=\"20\" font-size=\"15\">Attention, {}</text>\n", escape_html(result.device));
  svg += fmt::format(
      "<text x=\"8\" y=\"42\" font-size=\"12\">blue: Dermis {}; grey: the fastest rival of the same run; the line is "
      "the limit of that run: {}</text>\n",
      escape_html(result.commit), escape_html(limits_of(result)));
  svg += fmt::format("<line x1=\"{0}\" y1=\"{1}\" x2=\"{0}\" y2=\"{2}\" stroke=\"black\"/>\n", kLabelWidth + kBarsWidth,
                     kTop - 6, bottom);
  for (size_t i = 0; i < result.rows.size(); ++i)
    svg += row_bars(result.rows[i], kTop + static_cast<int>(i) * kRowHeight);
  return svg + "</svg>\n";
}

}  // namespace dermis
