// What the loader knows of every sample before training starts: its class and its conversations as tokens.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/batch/sequence.h"

namespace dermis {

struct TokenizedQuestion {
  SequenceTokens tokens;
  double draw_weight = 1.0;  // of its question type, shared out among the picture's records of that type
};

struct LoaderSample {
  int source = 0;
  int64_t index = 0;  // in its source
  std::string label;
  int width = 0, height = 0;
  std::vector<TokenizedQuestion> questions;  // may be empty: the sample never comes
};

struct SampleTable {
  std::vector<LoaderSample> samples;
  int64_t dropped_long = 0, cut_long = 0;
};

// Reads and tokenises all records of all sources on `options.threads` threads. Error(data) names shard, key and record
// of the first sample that cannot be trained on: no answer, a broken member.
SampleTable read_sample_table(const std::vector<std::shared_ptr<const ShardReader>>& sources,
                              const Tokenizer& tokenizer, const PromptFormat& prompt, const LoaderOptions& options);

}  // namespace dermis
