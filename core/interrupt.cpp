#include "core/interrupt.h"

#include <unistd.h>

#include <csignal>

#include "core/error.h"

namespace dermis {
namespace {

volatile std::sig_atomic_t g_signals = 0;

void on_signal(int) {
  if (g_signals > 0) _exit(130);
  g_signals = 1;
}

void end_at_once(int) {
  constexpr char kLine[] = "dermis: interrupted; nothing was written\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kLine, sizeof(kLine) - 1);
  _exit(130);
}

void handle_with(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

void install_interrupt_handler() { handle_with(on_signal); }

InterruptsAtOnce::InterruptsAtOnce() { handle_with(end_at_once); }

InterruptsAtOnce::~InterruptsAtOnce() { handle_with(on_signal); }

bool interrupt_requested() { return g_signals > 0; }

void throw_if_interrupted(const char* what) {
  if (interrupt_requested()) {
    throw Error(ErrorKind::interrupted, {.what = "interrupted", .fix = what});
  }
}

}  // namespace dermis
