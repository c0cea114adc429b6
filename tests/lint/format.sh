#!/usr/bin/env bash
# Every C++ file is as clang-format 14 writes it. Mend: clang-format-14 -i FILE
set -euo pipefail
find core kernels models data train infer tests benchmarks main.cpp \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -print0 | xargs -0 "$1" --dry-run -Werror
echo "formatting: all files are clean"
