// From shards to packed batches: order, decode, augment, resize, tokenise, pack. Threads prepare batches ahead; what
// comes out is a pure function of (seed, position) and never of thread timing.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/contract.h"
#include "data/record.h"
#include "data/shard/shard.h"
#include "data/text/tokenizer.h"

namespace dermis {

struct AugmentOptions {  // label-preserving in this field; all off by default
  bool flips = false;    // left-right and up-down
  bool quarter_turns = false;
  double crop_min_area = 1.0;  // random crop of at least this share of the area, aspect 3/4..4/3; 1: none
  double colour = 0.0;         // strength of brightness, contrast, saturation jitter (0.2: +-20 %)
  double keep_patches = 1.0;   // share of a picture's patches that the model encodes, drawn anew each time; 1: all
};

enum class LongText { drop, cut };  // what to do with a record longer than max_tokens; both are counted

struct LoaderOptions {
  uint64_t seed = 0;
  int images_per_batch = 16;
  int questions_per_image = 1;   // records drawn for each image, without replacement; all when it has fewer
  std::string balance = "none";  // "none": every image once an epoch; "label": classes equally often
  std::map<std::string, double> question_type_weights;  // empty: all equally; else only the types named here
  AugmentOptions augment;
  LongText long_text = LongText::drop;
  int max_tokens = 0;  // longest sequence, image tokens included; 0: the model's limit
  int threads = 2;
  int prefetch = 4;            // batches ready ahead
  bool cache_decoded = false;  // keep decoded pictures in memory
};

// Where training stands in the data: a batch is a pure function of (options, shards, cursor).
struct DataCursor {
  int64_t batch = 0;  // batches taken since the stage began
};

struct LoaderStats {
  double wait_s = 0;  // time next() stood still
  int64_t dropped_long = 0;
  int64_t cut_long = 0;
};

class Loader {
 public:
  Loader(std::vector<std::shared_ptr<const ShardReader>> sources, std::vector<double> mixing_weights,
         const Tokenizer& tokenizer, const ImageFormat& image, const PromptFormat& prompt,
         const LoaderOptions& options);
  ~Loader();
  int64_t batches_per_epoch() const;
  void seek(DataCursor cursor);
  DataCursor cursor() const;  // of the batch that next() returns next
  Batch next();               // endless; Error(data) names shard, key and record
  LoaderStats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Building blocks that evaluation, ask and tests share. --------------------------------------------------------------

struct SequenceText {
  std::string sample_id;
  std::vector<Turn> turns;  // the last turn's answer may be empty with `open`: a prompt to be answered
  double weight = 1.0;
  int image = 0;  // index of the picture this sequence looks at
};

// Packs sequences over `image_planes` (N pictures of 3 * S * S bytes each, one behind the other). open: no label rows,
// each sequence ends after the separator of its last question. Only answers (and their eos) carry loss.
Batch pack(const std::vector<SequenceText>& sequences, std::vector<uint8_t> image_planes, int image_count,
           const Tokenizer& tokenizer, const ImageFormat& image, const PromptFormat& prompt, bool open);

}  // namespace dermis
