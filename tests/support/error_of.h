// What a call that must fail says of it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "core/error.h"

namespace dermis::testing {

// The words of the Error that `call` throws, which is of that kind; "no error" without one.
inline std::string error_of(ErrorKind kind, const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  return "no error";
}

inline std::string usage_error(const std::function<void()>& call) { return error_of(ErrorKind::usage, call); }

}  // namespace dermis::testing
