// What shard folders hold, counted.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/text/tokenizer.h"

namespace dermis {

using Counts = std::map<std::string, int64_t>;

struct LicenceRow {
  std::string source, version, licence, attribution;
  int64_t pictures = 0;
};

struct Example {  // a small picture for the page
  std::string label, id;
  std::vector<uint8_t> jpeg;
};

struct ShardStats {
  std::vector<std::string> folders;  // names of the columns
  std::vector<int64_t> pictures, records, turns;
  std::map<std::string, std::vector<int64_t>> labels;           // label -> pictures by folder
  std::map<std::string, std::map<std::string, Counts>> strata;  // stratum -> value -> label -> pictures
  Counts question_types, sources;                               // records, pictures
  std::map<std::string, Counts> closed_answers;                 // question type -> answer -> records
  std::map<std::string, Counts> question_words;                 // first word -> first noun-like word after it -> turns
  std::vector<int> question_tokens, answer_tokens;              // one a turn; words when there is no tokenizer
  bool counted_tokens = false;
  std::vector<int> widths, heights;  // of pictures
  int64_t picture_bytes = 0;
  std::vector<LicenceRow> licences;
  std::string licence;  // the most restrictive
  std::string field;
  std::vector<Example> examples;  // up to three a label
};

// `tokenizer` may be null. Strata come from the records; an item's metadata is not looked at.
ShardStats count_shards(const std::vector<std::string>& folders, const Tokenizer* tokenizer);

}  // namespace dermis
