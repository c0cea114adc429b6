// Ctrl-C and SIGTERM as a flag that long loops look at between steps. The first signal asks to stop at the next safe
// point, a second one ends the program at once.
#pragma once

namespace dermis {

void install_interrupt_handler();
bool interrupt_requested();
// Throws Error(interrupted), exit code 130, when a signal came in. `what` says what is kept, e.g. "2,310 of 5,000 items
// done; run again to go on".
void throw_if_interrupted(const char* what);

// While it lives, the first signal ends the program, exit code 130: around a call of a library that nothing can stop
// and that writes no file.
class InterruptsAtOnce {
 public:
  InterruptsAtOnce();
  ~InterruptsAtOnce();
  InterruptsAtOnce(const InterruptsAtOnce&) = delete;
  InterruptsAtOnce& operator=(const InterruptsAtOnce&) = delete;
};

}  // namespace dermis
