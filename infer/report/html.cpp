#include "infer/report/html.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "core/error.h"
#include "core/io/embedded.h"
#include "data/image/encode.h"

namespace dermis {
namespace {

std::string_view style_sheet() {
  for (const EmbeddedFile& file : embedded_infer()) {
    if (file.path == "report/report.css") return file.text;
  }
  throw Error(ErrorKind::internal, {.what = "the report's style sheet is not compiled in"});
}

}  // namespace

std::string html_page(const std::string& title, const std::string& lead, const std::string& body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\">\n<title>{0}</title>\n<style>\n{1}</style>\n</head>\n"
      "<body>\n<header><p class=\"brand\">dermis</p><h1>{0}</h1>{2}</header>\n<main>\n{3}</main>\n"
      "<footer>Made by dermis on this machine. Research use: nothing here is a diagnosis or a clinical "
      "validation.</footer>\n"
      "</body>\n</html>\n",
      escape_html(title), style_sheet(), lead, body);
}

std::string html_section(const std::string& title, const std::string& explanation, const std::string& content) {
  return fmt::format("<section>\n<h2>{}</h2>\n{}{}\n</section>\n", escape_html(title),
                     explanation.empty() ? std::string() : "<p class=\"explain\">" + explanation + "</p>\n", content);
}

std::string fold(const std::string& heading, const std::string& sections, bool open) {
  return fmt::format("<details{}>\n<summary>{}</summary>\n{}</details>\n", open ? " open" : "", escape_html(heading),
                     sections);
}

std::string html_table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows,
                       size_t numeric_from) {
  std::string html = "<div class=\"scroll\"><table>\n<thead><tr>";
  for (size_t c = 0; c < head.size(); ++c) {
    html += fmt::format("<th scope=\"col\"{}>{}</th>", c >= numeric_from ? " class=\"n\"" : "", head[c]);
  }
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows) {
    html += "<tr>";
    for (size_t c = 0; c < row.size(); ++c) {
      const char* tag = c == 0 ? "th scope=\"row\"" : "td";
      html += fmt::format("<{}{}>{}</{}>", tag, c >= numeric_from && c > 0 ? " class=\"n\"" : "", row[c],
                          c == 0 ? "th" : "td");
    }
    html += "</tr>\n";
  }
  return html + "</tbody>\n</table></div>\n";
}

std::string thumbnail_uri(const Image& image, int side) {
  const double scale = std::min(1.0, static_cast<double>(side) / std::max(image.width, image.height));
  const int width = std::max(1, static_cast<int>(std::lround(image.width * scale)));
  const int height = std::max(1, static_cast<int>(std::lround(image.height * scale)));
  return "data:image/jpeg;base64," + base64(encode_jpeg(resize(image, width, height, ResampleFilter::bicubic), 85));
}

}  // namespace dermis
