#!/usr/bin/env bash
# The clang-tidy checks of .clang-tidy on core/ and main.cpp, two files at a time: usage tidy.sh CLANG_TIDY BUILD_FOLDER
set -euo pipefail
# On stderr clang-tidy counts the warnings of system headers, which it does not show; anything else there is to be seen.
{ find core -name '*.cpp' -print0; printf 'main.cpp\0'; } | xargs -0 -P 2 -n 4 "$1" -p "$2" --quiet \
  2> >(grep -vE '^[0-9]+ warnings?( and [0-9]+ errors?)? generated\.$|^[0-9]+ warnings? treated as errors?$' >&2)
echo "clang-tidy: core and main.cpp are clean"
