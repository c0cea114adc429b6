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

}  // namespace

void install_interrupt_handler() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupt_requested() { return g_signals > 0; }

void throw_if_interrupted(const char* what) {
  if (interrupt_requested()) {
    throw Error(ErrorKind::interrupted, {.what = "interrupted", .fix = what});
  }
}

}  // namespace dermis
