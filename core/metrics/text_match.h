// How near a written answer comes to a reference, as SQuAD counts it (Rajpurkar et al., arXiv 1606.05250).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dermis {

// Lower case, ASCII punctuation removed, the articles "a", "an" and "the" removed, white space to single spaces. Bytes
// above ASCII stay as they are.
std::string normalize_answer(std::string_view text);
std::vector<std::string> answer_tokens(std::string_view text);  // of the normalised text

bool exact_match(std::string_view answer, std::string_view reference);  // after normalisation
// F1 of the tokens that both hold, with multiplicity. 1 when both are empty, 0 when one is.
double token_f1(std::string_view answer, std::string_view reference);

}  // namespace dermis
