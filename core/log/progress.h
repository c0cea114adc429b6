// How far a long command is: one line that keeps changing on a terminal, a plain line every ten seconds elsewhere.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

#include "core/process.h"

namespace dermis {

struct ProgressOptions {
  std::FILE* stream = stderr;
  bool terminal;  // default: whether `stream` is one
  int columns;    // default: the terminal's width; longer lines are cut
  double terminal_interval_s = 0.1;
  double plain_interval_s = 10;
  std::function<double()> clock = monotonic_s;
  explicit ProgressOptions(std::FILE* out = stderr);
};

// Not thread-safe. The destructor ends the line.
class Progress {
 public:
  // `what` leads the line, e.g. "synth"; `total` 0: unknown, then no share and no ETA.
  Progress(std::string what, int64_t total, const ProgressOptions& options = ProgressOptions());
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Shows "<what> done/total  <details>  eta 1:23", no more often than the interval; `details` is asked only then.
  void update(int64_t done, const std::function<std::string()>& details = {});
  // Takes the line away so that something else can be printed; the next update brings it back.
  void clear();
  // Shows the last state even within the interval and ends the line.
  void finish(int64_t done, const std::function<std::string()>& details = {});

 private:
  void show(int64_t done, const std::function<std::string()>& details);

  std::string what_;
  int64_t total_;
  ProgressOptions options_;
  double start_s_;
  double shown_s_;
  int64_t first_done_ = -1;  // where this process began: a resumed run must not count what it found done
  bool line_open_ = false;
};

// "0:05", "12:34", "1:02:03", "2 d 03:04".
std::string duration_text(double seconds);
std::string count_text(double count);   // "812", "5.1k", "3.2M"
std::string bytes_text(int64_t bytes);  // "812 MB", "1.6 GB"; powers of ten

struct TrainingCounts {  // since this process started
  int64_t samples = 0;
  int64_t tokens = 0;
  double data_wait_s = 0;
};

// The details of a training line: loss, lr, samples/s, tokens/s, data wait in %, memory. Rates are those since the last
// line that was shown.
class TrainingRates {
 public:
  explicit TrainingRates(std::function<double()> clock = monotonic_s);
  std::string details(double loss, double lr, const TrainingCounts& counts);

 private:
  std::function<double()> clock_;
  double last_s_;
  TrainingCounts last_;
};

}  // namespace dermis
