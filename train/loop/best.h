// Which validation was the best so far, and whether to go on.
#pragma once

#include <cstdint>

namespace dermis {

struct BestSoFar {
  bool higher_is_better = false;
  int patience = 0;  // validations without a better one before stopping; 0: never stop

  int64_t step = -1;  // of the best; -1: none yet
  double value = 0;
  int since = 0;  // validations since one was better than all before

  // True when this one is the best so far. Of equal ones the later is, which patience still counts as no better. A
  // value that is no number never is.
  bool offer(int64_t at_step, double new_value) {
    const bool better =
        new_value == new_value && (step < 0 || (higher_is_better ? new_value > value : new_value < value));
    const bool equal = step >= 0 && new_value == value;
    since = better ? 0 : since + 1;
    if (!better && !equal) return false;
    step = at_step;
    value = new_value;
    return true;
  }
  bool exhausted() const { return patience > 0 && since >= patience; }
};

}  // namespace dermis
