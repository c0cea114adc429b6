// Small facts about ASCII text that field packs, sources and checks share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dermis {

std::string lower_case(std::string_view text);  // ASCII letters; other bytes stay
std::string trimmed(std::string_view text);     // without blanks, tabs and line ends at both sides
std::string shortest(double value);             // fewest digits that read back equal: 55, 0.5

// Lower-case words: runs of letters, digits and non-ASCII bytes; an apostrophe or hyphen between two of these belongs
// to the word.
std::vector<std::string> words_of(std::string_view text);

// Byte offsets at which `phrase` stands in `text` as whole words, whatever the case; blanks match any run of blanks or
// hyphens.
std::vector<size_t> find_phrase(std::string_view text, std::string_view phrase);

}  // namespace dermis
