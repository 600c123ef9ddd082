#!/usr/bin/env bash
# Coverage-guided fuzzing of everything that is read from files: tools/fuzz.sh [SECONDS] [TARGET ...]
#
# SECONDS for each target, 60 if left out; targets: image hdf5 safetensors torch (.pth) keras (.keras)
# recipe metrics summary notes (report.json) losses (test-losses.jsonl) study (studies/NAME.json) state
# (the text in a training state). libFuzzer and AddressSanitizer of the Swift toolchain. Starts from
# Fuzzing/Corpora; what it finds beyond goes to .build/fuzzing/, a crash with its input too, and ends
# it with an error.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || true
targets=("$@")
[ "${#targets[@]}" -gt 0 ] ||
  targets=(image hdf5 safetensors torch keras recipe metrics summary notes losses study state)

"${SWIFT:-swift}" build -c release --package-path Fuzzing --scratch-path .build/fuzzing/build \
  --product FuzzInputs -Xswiftc -sanitize=fuzzer,address -Xcc -fsanitize=fuzzer-no-link,address \
  -Xswiftc -use-ld=lld # gold ends with an internal error

for target in "${targets[@]}"; do
  found=.build/fuzzing/$target
  mkdir -p "$found/corpus"
  echo "== $target: $seconds s"
  # Leaks: HDF5's child and Foundation's own caches end with the process.
  TROMPE_FUZZ_TARGET=$target ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
    .build/fuzzing/build/release/FuzzInputs \
    -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -max_len=65536 \
    -artifact_prefix="$found/" -print_final_stats=1 \
    "$found/corpus" "Fuzzing/Corpora/$target" 2>&1 |
    { grep -E "^(==|SUMMARY|stat::|Test unit|.*ERROR|.*Fatal)|DONE" || true; }
done
