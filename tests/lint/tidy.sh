#!/usr/bin/env bash
# The clang-tidy checks of .clang-tidy on core/, two files at a time: usage tidy.sh CLANG_TIDY BUILD_FOLDER
set -euo pipefail
find core -name '*.cpp' -print0 | xargs -0 -P 2 -n 4 "$1" -p "$2" --quiet 2> /dev/null
echo "clang-tidy: core is clean"
