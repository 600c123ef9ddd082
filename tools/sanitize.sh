#!/usr/bin/env bash
# The tests under the sanitizers of the Swift toolchain: tools/sanitize.sh [FILTER] [SANITIZER ...]
#
# Sanitizers: address undefined thread; all three if left out. FILTER is that of "swift test", by
# default everything but the tests that take minutes without a sanitizer. Each has a build folder of
# its own under .build.
#
# - address: leaks are not looked for: HDF5, libgomp and Foundation keep what they need to the end.
# - undefined: of C alone, our own and that of packages; Swift traps by itself, and its driver knows
#   no such sanitizer on Linux.
# - thread: libgomp and the sanitizer do not know each other. Sources/CTensorKernels/ops/threads.c tells
#   it where threads meet; oneDNN and HDF5 are not instrumented. tools/thread-sanitizer.txt has what is
#   left.
set -uo pipefail
cd "$(dirname "$0")/.."

swift=${SWIFT:-swift}
filter=${1:-}
shift || true
sanitizers=("$@")
[ "${#sanitizers[@]}" -gt 0 ] || sanitizers=(address undefined thread)
selection=(--skip 'SurvivingRun|PublishedAccuracy|PyTorch|PublishedNetwork')
[ -z "$filter" ] || selection=(--filter "$filter")

export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS="die_after_fork=0:suppressions=$PWD/tools/thread-sanitizer.txt"

mkdir -p .build
failed=0
for sanitizer in "${sanitizers[@]}"; do
  build=.build/sanitize-$sanitizer
  log=.build/sanitize-$sanitizer.log
  case $sanitizer in
    undefined)
      # Without /proc the sanitizer itself writes a warning where the test expects one line.
      skipped=(--skip NoProc)
      flags=(-Xcc -fsanitize=undefined -Xswiftc -Xclang-linker -Xswiftc -fsanitize=undefined) ;;
    *)
      skipped=()
      flags=(--sanitize="$sanitizer")
      ;;
  esac
  echo "== $sanitizer"
  "$swift" build -c release --build-tests "${flags[@]}" --scratch-path "$build" >"$log" 2>&1 ||
    { tail -20 "$log"; failed=1; continue; }
  "$swift" test -c release --skip-build --no-parallel "${flags[@]}" \
    --scratch-path "$build" "${selection[@]}" "${skipped[@]}" >"$log" 2>&1 || failed=1
  grep -E "✘|Test run with|SUMMARY: |runtime error" "$log" | sort | uniq -c | sort -rn | head -40
  if grep -qE "SUMMARY: |runtime error" "$log"; then failed=1; fi
done
exit "$failed"
