#!/usr/bin/env bash
# Checks the format of all C by .clang-format, with version 14 of clang-format: others format some lines in
# another way. Installs it where there is apt-get; where there is none of this version, it says so.
set -euo pipefail
cd "$(dirname "$0")/.."

find_formatter() {
  for name in "${CLANG_FORMAT:-clang-format}" clang-format-14; do
    if "$name" --version 2>/dev/null | grep -q 'version 14\.'; then
      formatter=$name
      return
    fi
  done
  return 1
}

if ! find_formatter; then
  command -v clang-format >/dev/null || tools/install-dependencies.sh clang-format || true
  find_formatter || {
    echo "There is no clang-format 14: the format of C was not checked." >&2
    exit 0
  }
fi
find Sources Fuzzing/Sources benchmarks tools \( -name '*.c' -o -name '*.h' \) -print0 |
  xargs -0 "$formatter" --style=file --dry-run --Werror
