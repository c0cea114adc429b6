#include "data/inspect/stats_charts.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/text/html.h"

namespace dermis {
namespace {

constexpr std::array kPalette = {"#2f6f8f", "#c9743a", "#5b8c5a", "#8a5a83",
                                 "#b08d2e", "#4a7a9c", "#a34e4e", "#6b7d3a"};
constexpr size_t kInnerLimit = 18, kOuterLimit = 8;

using Ranked = std::vector<std::pair<int64_t, std::string>>;

Ranked rank(const Counts& counts) {
  Ranked ranked;
  for (const auto& [name, count] : counts) ranked.emplace_back(count, name);
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  return ranked;
}

int64_t sum(const Counts& counts) {
  int64_t total = 0;
  for (const auto& [name, count] : counts) total += count;
  return total;
}

// The largest `limit` entries; the rest joined into one.
Ranked top(const Counts& counts, size_t limit) {
  Ranked ranked = rank(counts);
  if (ranked.size() <= limit) return ranked;
  int64_t rest = 0;
  for (size_t i = limit - 1; i < ranked.size(); ++i) rest += ranked[i].first;
  ranked.resize(limit - 1);
  ranked.emplace_back(rest, "other");
  return ranked;
}

struct Point {
  double x, y;
};
Point on_circle(double radius, double turn) {
  const double angle = (turn - 0.25) * 2 * std::numbers::pi;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

std::string ring_piece(double inner, double outer, double from, double to, const std::string& colour, double opacity,
                       const std::string& title) {
  to = std::min(to, from + 0.9999);  // a full circle would have no direction
  const int large = to - from > 0.5 ? 1 : 0;
  const Point a = on_circle(outer, from), b = on_circle(outer, to), c = on_circle(inner, to),
              d = on_circle(inner, from);
  return fmt::format(
      "<path d='M{:.1f} {:.1f}A{} {} 0 {} 1 {:.1f} {:.1f}L{:.1f} {:.1f}A{} {} 0 {} 0 {:.1f} {:.1f}Z' fill='{}' "
      "fill-opacity='{:.2f}' stroke='var(--paper)' stroke-width='1.5'><title>{}</title></path>",
      a.x, a.y, outer, outer, large, b.x, b.y, c.x, c.y, inner, inner, large, d.x, d.y, colour, opacity,
      escape_html(title));
}

std::string ring_label(double radius, double from, double to, const std::string& text, bool outside, const char* cls) {
  const double middle = (from + to) / 2;
  const Point at = on_circle(radius, middle);
  const bool left = middle > 0.5;
  const double degrees = middle * 360 - 90 + (left ? 180 : 0);
  const char* anchor = !outside ? "middle" : left ? "end" : "start";
  return fmt::format(
      "<text class='{}' transform='translate({:.1f} {:.1f}) rotate({:.1f})' text-anchor='{}' dy='.35em'>{}</text>", cls,
      at.x, at.y, degrees, anchor, escape_html(text));
}

}  // namespace

std::string with_thousands(int64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<size_t>(at), 1, ',');
  return digits;
}

std::string bar_list(const Counts& counts, size_t limit) {
  const Ranked ranked = rank(counts);
  const int64_t total = std::max<int64_t>(1, sum(counts));
  const int64_t longest = ranked.empty() ? 1 : std::max<int64_t>(1, ranked.front().first);
  std::string html = "<div class=bars>";
  for (size_t i = 0; i < std::min(limit, ranked.size()); ++i) {
    const auto& [count, name] = ranked[i];
    html += fmt::format(
        "<span class=n>{}</span><span class=t><i style='width:{:.1f}%'></i></span><span class=v>{} <em>{:.1f} "
        "%</em></span>",
        escape_html(name.empty() ? "(none)" : name), 100.0 * static_cast<double>(count) / static_cast<double>(longest),
        with_thousands(count), 100.0 * static_cast<double>(count) / static_cast<double>(total));
  }
  html += "</div>";
  if (ranked.size() > limit) html += fmt::format("<p class=more>... {} more</p>", ranked.size() - limit);
  return html;
}

std::string word_wheel(const std::map<std::string, Counts>& words) {
  Counts first;
  for (const auto& [word, topics] : words) first[word] = sum(topics);
  const double total = static_cast<double>(std::max<int64_t>(1, sum(first)));
  std::string shapes, labels;
  double at = 0;
  const Ranked inner = top(first, kInnerLimit);
  for (size_t i = 0; i < inner.size(); ++i) {
    const auto& [count, word] = inner[i];
    const double share = static_cast<double>(count) / total;
    const bool rest = i + 1 == kInnerLimit && words.size() > kInnerLimit;
    const std::string colour = rest ? "var(--soft)" : kPalette[i % kPalette.size()];
    shapes += ring_piece(70, 150, at, at + share, colour, 0.95, fmt::format("{}: {}", word, with_thousands(count)));
    if (share > 0.025) labels += ring_label(110, at, at + share, word, false, "in");
    const auto found = words.find(word);
    double outer_at = at;
    if (found != words.end()) {
      for (const auto& [topic_count, topic] : top(found->second, kOuterLimit)) {
        const double part = static_cast<double>(topic_count) / total;
        shapes += ring_piece(152, 205, outer_at, outer_at + part, colour, 0.45,
                             fmt::format("{} ... {}: {}", word, topic, with_thousands(topic_count)));
        if (part > 0.012) labels += ring_label(211, outer_at, outer_at + part, topic, true, "out");
        outer_at += part;
      }
    }
    at += share;
  }
  return "<svg class=wheel viewBox='-300 -285 600 570' role=img aria-label='words of the questions'>" + shapes +
         labels + "</svg>";
}

std::string histogram(const std::vector<int>& values, const std::string& unit) {
  if (values.empty()) return "<p>none</p>";
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const int width = std::max(1, (*high - *low + 20) / 20);
  std::vector<int64_t> bins(static_cast<size_t>((*high - *low) / width) + 1);
  for (const int value : values) ++bins[static_cast<size_t>((value - *low) / width)];
  const int64_t most = *std::max_element(bins.begin(), bins.end());
  std::string bars;
  const double step = 400.0 / static_cast<double>(bins.size());
  for (size_t i = 0; i < bins.size(); ++i) {
    const double height = 110.0 * static_cast<double>(bins[i]) / static_cast<double>(most);
    const int from = *low + static_cast<int>(i) * width;
    const std::string range = width == 1 ? std::to_string(from) : fmt::format("{} to {}", from, from + width - 1);
    bars += fmt::format("<rect x='{:.1f}' y='{:.1f}' width='{:.1f}' height='{:.1f}'><title>{}: {}</title></rect>",
                        step * static_cast<double>(i) + 1, 120 - height, std::min(40.0, step - 2), height, range,
                        with_thousands(bins[i]));
  }
  std::vector<int> sorted = values;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2), sorted.end());
  return fmt::format(
      "<svg class=hist viewBox='0 0 400 150' role=img><g>{}</g><line x1=0 y1=120 x2=400 y2=120 /><text x=0 "
      "y=136>{}</text>"
      "<text x=400 y=136 text-anchor=end>{}</text><text x=200 y=136 text-anchor=middle>{} (median {})</text></svg>",
      bars, *low, *high, escape_html(unit), sorted[sorted.size() / 2]);
}

}  // namespace dermis
