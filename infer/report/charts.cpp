#include "infer/report/charts.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "infer/report/html.h"

namespace dermis {
namespace {

constexpr std::array<const char*, 4> kColours{"#0b6e75", "#c2571a", "#5a4fa2", "#7a8794"};
constexpr std::array<const char*, 4> kDashes{"", "6 3", "2 3", "8 3 2 3"};

// A step of 1, 2 or 5 times a power of ten that cuts the range in about `parts`.
double tick_step(double range, int parts) {
  const double raw = range / parts;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (raw <= factor * power) return factor * power;
  }
  return 10 * power;
}

std::string tick_text(double value) {
  if (std::abs(value) >= 10000) return fmt::format("{:.0f}k", value / 1000);
  return fmt::format("{:.4g}", std::abs(value) < 1e-12 ? 0.0 : value);
}

struct Frame {
  double x0, x1, y0, y1;  // data ranges
  double left = 56, right = 12, top = 12, bottom = 42, width = 520, height = 280;
  double px(double x) const { return left + (x - x0) / (x1 - x0) * (width - left - right); }
  double py(double y) const { return height - bottom - (y - y0) / (y1 - y0) * (height - top - bottom); }
};

std::string open_svg(const Frame& f, const std::string& label) {
  return fmt::format("<svg viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\" aria-label=\"{2}\">\n",
                     f.width, f.height, escape_html(label));
}

std::string axes(const Frame& f, const std::string& x_label, const std::string& y_label) {
  std::string svg;
  const double y_step = tick_step(f.y1 - f.y0, 5);
  for (double y = std::ceil(f.y0 / y_step - 1e-9) * y_step; y <= f.y1 + 1e-9 * y_step; y += y_step) {
    svg += fmt::format("<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#e3e8ee\"/>", f.left,
                       f.width - f.right, f.py(y), f.py(y));
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", f.left - 6, f.py(y) + 4,
                       tick_text(y));
  }
  const double x_step = tick_step(f.x1 - f.x0, 6);
  for (double x = std::ceil(f.x0 / x_step - 1e-9) * x_step; x <= f.x1 + 1e-9 * x_step; x += x_step) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", f.px(x),
                       f.height - f.bottom + 16, tick_text(x));
  }
  svg += fmt::format("<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#8a95a3\"/>\n", f.left,
                     f.width - f.right, f.py(f.y0), f.py(f.y0));
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n",
                     (f.left + f.width - f.right) / 2, f.height - 6, escape_html(x_label));
  svg += fmt::format("<text transform=\"translate(12 {:.1f}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
                     (f.top + f.height - f.bottom) / 2, escape_html(y_label));
  return svg;
}

using Points = std::vector<std::pair<double, double>>;

// Averages runs of neighbouring points so that at most `limit` remain.
Points thinned(const Points& points, size_t limit) {
  if (points.size() <= limit) return points;
  Points out;
  for (size_t i = 0; i < limit; ++i) {
    const size_t begin = i * points.size() / limit;
    const size_t end = (i + 1) * points.size() / limit;
    double x = 0;
    double y = 0;
    for (size_t j = begin; j < end; ++j) {
      x += points[j].first;
      y += points[j].second;
    }
    const auto n = static_cast<double>(end - begin);
    out.emplace_back(x / n, y / n);
  }
  return out;
}

// The largest y behind the first tenth of the x axis, when the beginning towers over it (a loss before training);
// otherwise the largest of all.
double top_of(const std::vector<Points>& lines, const Frame& f) {
  const double begin = f.x0 + 0.1 * (f.x1 - f.x0);
  double later = -HUGE_VAL;
  for (const Points& line : lines) {
    for (const auto& [x, y] : line) {
      if (x >= begin) later = std::max(later, y);
    }
  }
  return std::isfinite(later) && f.y1 - f.y0 > 3 * (later - f.y0) && later > f.y0 ? later : f.y1;
}

std::string legend(const std::vector<Series>& series) {
  std::string html = "<p class=\"legend\">";
  for (size_t s = 0; s < series.size(); ++s) {
    html += fmt::format("<span><i style=\"background:{}\"></i>{}</span>", kColours[s % 4], escape_html(series[s].name));
  }
  return html + "</p>\n";
}

}  // namespace

std::string line_chart(const std::vector<Series>& series, const std::string& x_label, const std::string& y_label) {
  Frame f{HUGE_VAL, -HUGE_VAL, HUGE_VAL, -HUGE_VAL};
  std::vector<Points> lines;
  for (const Series& one : series) {
    Points finite;
    std::copy_if(one.points.begin(), one.points.end(), std::back_inserter(finite),
                 [](const auto& p) { return std::isfinite(p.second); });
    lines.push_back(thinned(finite, 160));
    for (const auto& [x, y] : lines.back()) {
      f.x0 = std::min(f.x0, x);
      f.x1 = std::max(f.x1, x);
      f.y0 = std::min(f.y0, y);
      f.y1 = std::max(f.y1, y);
    }
  }
  if (!(f.x0 <= f.x1)) return "<p class=\"note\">nothing to draw</p>\n";
  if (f.x0 == f.x1) f.x1 += 1;
  const double top = top_of(lines, f);
  const bool cut = top < f.y1;
  f.y1 = top;
  const double margin = f.y1 > f.y0 ? 0.05 * (f.y1 - f.y0) : 0.5;
  f.y0 = f.y0 >= 0 ? std::max(0.0, f.y0 - margin) : f.y0 - margin;
  f.y1 += margin;
  std::string svg = open_svg(f, y_label + " over " + x_label) + axes(f, x_label, y_label);
  // An inner picture cuts what lies above the frame.
  svg += fmt::format("<svg x=\"{0}\" y=\"{1}\" width=\"{2}\" height=\"{3}\" viewBox=\"{0} {1} {2} {3}\">\n", f.left,
                     f.top, f.width - f.left - f.right, f.height - f.top - f.bottom);
  for (size_t s = 0; s < lines.size(); ++s) {
    if (lines[s].empty()) continue;
    std::string path;
    for (const auto& [x, y] : lines[s])
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", f.px(x), f.py(y));
    svg += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\" stroke-dasharray=\"{}\"/>\n",
                       path, kColours[s % 4], kDashes[s % 4]);
  }
  const std::string note = cut ? "<p class=\"note\">The beginning lies above the frame.</p>\n" : "";
  return svg + "</svg>\n</svg>\n" + legend(series) + note;
}

std::string reliability_chart(const std::vector<ReliabilityBar>& bars) {
  Frame f{0, 1, 0, 1};
  f.height = 320;
  std::string svg = open_svg(f, "share right over confidence") + axes(f, "confidence", "share right");
  svg += fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#8a95a3\" stroke-dasharray=\"5 4\"/>\n",
      f.px(0), f.py(0), f.px(1), f.py(1));
  int64_t total = 0;
  for (const ReliabilityBar& bar : bars) total += bar.count;
  for (const ReliabilityBar& bar : bars) {
    if (bar.count == 0) continue;
    const double left = f.px(bar.low) + 1;
    const double width = f.px(bar.high) - f.px(bar.low) - 2;
    svg += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"#0b6e75\" fill-opacity=\"{:.2f}\" "
        "stroke=\"#0b6e75\">"
        "<title>confidence {:.2f}-{:.2f}: {:.0f} % right of {} answers</title></rect>\n",
        left, f.py(bar.accuracy), width, f.py(0) - f.py(bar.accuracy),
        0.15 + 0.6 * std::sqrt(static_cast<double>(bar.count) / static_cast<double>(std::max<int64_t>(1, total))),
        bar.low, bar.high, 100 * bar.accuracy, bar.count);
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", left + width / 2,
                       f.py(bar.accuracy) - 4, bar.count);
  }
  return svg + "</svg>\n";
}

std::string interval_chart(const std::vector<IntervalRow>& rows, double from, double to, double marker) {
  Frame f{from, to, 0, static_cast<double>(rows.size())};
  f.left = 200;
  f.width = 640;
  f.height = 50 + 34 * static_cast<double>(rows.size());
  std::string svg = open_svg(f, "values with 95 % intervals");
  const double step = tick_step(to - from, 6);
  for (double x = std::ceil(from / step - 1e-9) * step; x <= to + 1e-9; x += step) {
    svg += fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\" stroke=\"#e3e8ee\"/>",
                       f.px(x), f.top, f.height - f.bottom);
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", f.px(x),
                       f.height - f.bottom + 16, tick_text(x));
  }
  if (std::isfinite(marker)) {
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\" stroke=\"#8a95a3\" stroke-dasharray=\"5 "
        "4\"/>\n",
        f.px(marker), f.top, f.height - f.bottom);
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const double y = f.top + 17 + 34 * static_cast<double>(i);
    const IntervalRow& row = rows[i];
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\" style=\"fill:#1c2430\">{}</text>",
                       f.left - 10, y + 4, escape_html(row.name));
    svg +=
        fmt::format("<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"3\"/>",
                    f.px(std::clamp(row.low, from, to)), f.px(std::clamp(row.high, from, to)), y, y, kColours[i % 2]);
    svg += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"6\" fill=\"{}\"><title>{:.3f} [{:.3f}, {:.3f}]</title></circle>\n",
        f.px(std::clamp(row.value, from, to)), y, kColours[i % 2], row.value, row.low, row.high);
  }
  return svg + "</svg>\n";
}

}  // namespace dermis
