// Pieces of the self-contained report pages: escaping, the page around a body, pictures as data URIs.
#pragma once

#include <string>
#include <vector>

#include "core/text/html.h"
#include "data/image/image.h"

namespace dermis {

// A whole page with the embedded style sheet; no script, no outside reference. `lead` stands under the title.
std::string html_page(const std::string& title, const std::string& lead, const std::string& body);

// <section> with a heading, an optional explaining sentence and content.
std::string html_section(const std::string& title, const std::string& explanation, const std::string& content);

// Sections that a reader folds in and out by their heading.
std::string fold(const std::string& heading, const std::string& sections, bool open);

// Cells are HTML; the first column is a row heading. Numbers align right when `numeric_from` <= column.
std::string html_table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows,
                       size_t numeric_from = 1);

// A JPEG thumbnail of at most `side` pixels as a data URI.
std::string thumbnail_uri(const Image& image, int side);

}  // namespace dermis
