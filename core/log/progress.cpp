#include "core/log/progress.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace dermis {
namespace {

int terminal_columns(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

ProgressOptions::ProgressOptions(std::FILE* out)
    : stream(out), terminal(::isatty(::fileno(out)) != 0), columns(terminal_columns(::fileno(out))) {}

Progress::Progress(std::string what, int64_t total, const ProgressOptions& options)
    : what_(std::move(what)), total_(total), options_(options), start_s_(options_.clock()), shown_s_(start_s_) {
  if (options_.terminal) shown_s_ = -HUGE_VAL;  // a terminal shows the first state at once
}

Progress::~Progress() {
  if (line_open_) std::fputc('\n', options_.stream);
}

void Progress::update(int64_t done, const std::function<std::string()>& details) {
  if (first_done_ < 0) first_done_ = std::max<int64_t>(0, done - 1);
  const double interval = options_.terminal ? options_.terminal_interval_s : options_.plain_interval_s;
  if (options_.clock() - shown_s_ >= interval) show(done, details);
}

void Progress::finish(int64_t done, const std::function<std::string()>& details) {
  if (first_done_ < 0) first_done_ = done;
  show(done, details);
  if (line_open_) std::fputc('\n', options_.stream);
  std::fflush(options_.stream);
  line_open_ = false;
}

void Progress::clear() {
  if (!line_open_) return;
  std::fputs("\r\x1b[K", options_.stream);
  std::fflush(options_.stream);
  line_open_ = false;
}

void Progress::show(int64_t done, const std::function<std::string()>& details) {
  const double now = options_.clock();
  std::string line = fmt::format("{} {}", what_, done);
  if (total_ > 0) line += fmt::format("/{}", total_);
  const std::string more = details ? details() : "";
  if (!more.empty()) line += "  " + more;
  if (total_ > 0 && done > first_done_ && done < total_) {
    const double seconds_each = (now - start_s_) / static_cast<double>(done - first_done_);
    line += "  eta " + duration_text(seconds_each * static_cast<double>(total_ - done));
  } else {
    line += "  " + duration_text(now - start_s_);
  }
  if (options_.terminal) {
    line.resize(std::min(line.size(), static_cast<size_t>(std::max(1, options_.columns - 1))));
    fmt::print(options_.stream, "\r{}\x1b[K", line);
  } else {
    fmt::print(options_.stream, "{}\n", line);
  }
  std::fflush(options_.stream);
  line_open_ = options_.terminal;
  shown_s_ = now;
}

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds)) return "?";
  const auto total = static_cast<int64_t>(std::llround(std::max(0.0, seconds)));
  const int64_t minutes = total / 60 % 60;
  const int64_t hours = total / 3600;
  if (hours >= 48) return fmt::format("{} d {:02}:{:02}", hours / 24, hours % 24, minutes);
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, total % 60);
  return fmt::format("{}:{:02}", minutes, total % 60);
}

std::string count_text(double count) {
  if (count < 99.95) return fmt::format("{:.1f}", count);
  if (count < 999.5) return fmt::format("{:.0f}", count);
  if (count < 999'950) return fmt::format("{:.1f}k", count / 1e3);
  return fmt::format("{:.1f}M", count / 1e6);
}

std::string bytes_text(int64_t bytes) {
  const auto count = static_cast<double>(bytes);
  if (count < 999.5e3) return fmt::format("{:.0f} kB", count / 1e3);
  if (count < 999.5e6) return fmt::format("{:.0f} MB", count / 1e6);
  return fmt::format("{:.1f} GB", count / 1e9);
}

TrainingRates::TrainingRates(std::function<double()> clock) : clock_(std::move(clock)), last_s_(clock_()) {}

std::string TrainingRates::details(double loss, double lr, const TrainingCounts& counts) {
  const double now = clock_();
  const double elapsed = std::max(1e-9, now - last_s_);
  const double wait = std::clamp((counts.data_wait_s - last_.data_wait_s) / elapsed, 0.0, 1.0);
  std::string text = fmt::format("loss {:.4f}  lr {:.2e}  {} samples/s  {} tokens/s  data wait {:.0f} %  {}", loss, lr,
                                 count_text(static_cast<double>(counts.samples - last_.samples) / elapsed),
                                 count_text(static_cast<double>(counts.tokens - last_.tokens) / elapsed), 100 * wait,
                                 bytes_text(resident_bytes()));
  last_s_ = now;
  last_ = counts;
  return text;
}

}  // namespace dermis
