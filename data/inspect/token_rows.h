// A record as the model reads it, with what it learns marked.
#pragma once

#include <string>
#include <vector>

#include "core/contract.h"
#include "data/record.h"
#include "data/text/tokenizer.h"

namespace dermis {

struct TokenRun {  // neighbouring tokens of one kind
  enum class Kind { image, prompt, learned } kind = Kind::prompt;
  std::string text;
  int tokens = 0;
};

// The runs of a packed sequence, told from its label rows and not from the text, so that they show what the loss sees.
std::vector<TokenRun> token_runs(const Record& record, const Tokenizer& tokenizer, const PromptFormat& prompt);

// One line: image tokens as "[64 x image]", the prompt plain (blue with `colour`), what is learned between angle quotes
// (green with `colour`), control words and newlines visible.
std::string runs_text(const std::vector<TokenRun>& runs, bool colour);

}  // namespace dermis
