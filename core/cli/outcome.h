// How the program ends: what it says about an error, and whether what it printed has arrived.
#pragma once

#include <exception>

namespace dermis {

// Prints the exception that is being handled to stderr and returns its exit code. Call in a catch block.
int report_failure();

// Writes out what stdout still holds. Returns `code`, or that of a data error when it could not be written; quietly,
// with `code`, when nobody reads it any more (a closed pipe).
int finish_output(int code);

}  // namespace dermis
