// What an option's number may be, with errors a person can read: CLI11's own print bounds of 309 digits.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace dermis {

const CLI::Validator& non_negative();  // 0 or more
const CLI::Validator& positive();      // above 0
const CLI::Validator& thread_count();  // 1 to what this machine may start (most_threads)

}  // namespace dermis
