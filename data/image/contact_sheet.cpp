#include "data/image/contact_sheet.h"

#include <algorithm>
#include <cstring>
#include <opencv2/imgproc.hpp>

#include "core/error.h"

namespace dermis {
namespace {

constexpr int kGap = 6;
constexpr int kLineHeight = 15;
constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr double kFontScale = 0.4;

std::vector<std::string> lines_of(const std::string& caption) {
  std::vector<std::string> lines;
  size_t at = 0;
  while (at < caption.size()) {
    const size_t end = std::min(caption.find('\n', at), caption.size());
    lines.push_back(caption.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::string fitted_text(std::string text, int width) {
  int baseline = 0;
  const auto wide = [&](const std::string& t) { return cv::getTextSize(t, kFont, kFontScale, 1, &baseline).width; };
  if (wide(text) <= width) return text;
  while (!text.empty() && wide(text + "...") > width) text.pop_back();
  return text + "...";
}

void paste(Image& sheet, const Image& image, int left, int top) {
  for (int y = 0; y < image.height; ++y) {
    std::memcpy(sheet.rgb.data() + 3 * ((int64_t{top} + y) * sheet.width + left),
                image.rgb.data() + int64_t{3} * y * image.width, size_t{3} * static_cast<size_t>(image.width));
  }
}

Image fitted_picture(const Image& image, int side) {
  const double scale = static_cast<double>(side) / std::max(image.width, image.height);
  const int width = std::max(1, static_cast<int>(image.width * scale + 0.5));
  const int height = std::max(1, static_cast<int>(image.height * scale + 0.5));
  return resize(image, width, height, ResampleFilter::bicubic);
}

}  // namespace

Image contact_sheet(const std::vector<SheetCell>& cells, int columns, int cell_size) {
  DERMIS_CHECK(!cells.empty() && columns > 0 && cell_size > 0, "a contact sheet needs pictures and a size");
  columns = std::min(columns, static_cast<int>(cells.size()));
  size_t most_lines = 0;
  for (const SheetCell& cell : cells) most_lines = std::max(most_lines, lines_of(cell.caption).size());
  const int rows = (static_cast<int>(cells.size()) + columns - 1) / columns;
  const int cell_height = cell_size + static_cast<int>(most_lines) * kLineHeight + kGap;
  Image sheet;
  sheet.width = columns * (cell_size + kGap) + kGap;
  sheet.height = rows * cell_height + kGap;
  sheet.rgb.assign(size_t{3} * static_cast<size_t>(sheet.width) * static_cast<size_t>(sheet.height), 255);
  cv::Mat canvas(sheet.height, sheet.width, CV_8UC3, sheet.rgb.data());
  for (size_t i = 0; i < cells.size(); ++i) {
    const int left = kGap + static_cast<int>(i) % columns * (cell_size + kGap);
    const int top = kGap + static_cast<int>(i) / columns * cell_height;
    const Image picture = fitted_picture(cells[i].image, cell_size);
    paste(sheet, picture, left + (cell_size - picture.width) / 2, top + (cell_size - picture.height) / 2);
    int baseline = top + cell_size + kLineHeight - 4;
    for (const std::string& line : lines_of(cells[i].caption)) {
      cv::putText(canvas, fitted_text(line, cell_size), {left, baseline}, kFont, kFontScale, {30, 30, 30}, 1,
                  cv::LINE_AA);
      baseline += kLineHeight;
    }
  }
  return sheet;
}

}  // namespace dermis
