#!/usr/bin/env bash
# Builds and runs all tests in release mode; the last line is "N passed, N failed", counted in tests
# (a parameterised test is one). A build that fails, or a run that ends without its report, counts as
# one failure. The exit status is that of the build or of the tests.
set -uo pipefail
cd "$(dirname "$0")/.."

swift=${SWIFT:-swift}

# Worker threads that spin while they wait would take the cores from each other.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"

close() { # passed, failed, exit status
  echo "$1 passed, $2 failed"
  exit "$3"
}

"$swift" build -c release --build-tests || {
  status=$?
  echo "The build failed, no test was run." >&2
  close 0 1 "$status"
}

# Results of all runs together.
passed=0 failed=0 skipped=0 status=0

# The program is started by itself: "swift test" lets no two run at a time, and would build everything
# again, with other flags than "swift build".
# What runs programs does so one test after the other: a program uses all cores itself, and each thread
# that runs one has its own pool of worker threads. The rest runs in parallel.
# The start of every single case is left out here; it is in the log.
tests=$("$swift" build -c release --show-bin-path)/TrompePackageTests.xctest
run() { # name of the log, options of Swift Testing
  local log=.build/tests-$1.log
  shift
  rm -f "${log%.log}.xml"
  NO_COLOR=1 "$tests" --testing-library swift-testing --xunit-output "${log%.log}.xml" "$@" 2>&1 |
    tee "$log" | sed -u '/Test case passing .* started\.$/d'
  return "${PIPESTATUS[0]}"
}

count() { # name of the log, exit status of its run
  local log=.build/tests-$1.log report=.build/tests-$1.xml p f s ended=$2
  if grep -q '</testsuites>' "$report" 2>/dev/null; then
    read -r p f s < <(awk '
      /<testcase / { total++; counted = 0 }
      /<skipped/ { skipped++ }
      /<failure/ && !counted { failed++; counted = 1 }
      END { print total - failed - skipped, failed + 0, skipped + 0 }' "$report")
    if [ "$ended" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
  else
    # Without a report the process has died: count what it said until then.
    p=$(grep -c '^[^ ]* Test .* passed after [0-9.]* seconds\.$' "$log")
    f=$(($(grep -c '^[^ ]* Test .* failed after [0-9.]* seconds' "$log") + 1))
    s=0
    echo "The tests ended without a report; the full output is in $log." >&2
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  [ "$ended" -eq 0 ] || status=$ended
}

pure='^(TensorGraph|TensorPlan|Checkpoints|ImageData|Pictures|Similarity|Geometry|Perturbation|Reports|Influence|Recipes|Sweeps)Tests\.'
whole='^(Foolings|Programs|Evaluation|Explaining|Runs|RunReports|Attacking|Influencing|Studies)Tests\.'
commands='^CommandLineTests\.'
run pure --parallel --filter "$pure"
count pure $?
# Whole runs wait for files, and commands for programs that start; meanwhile the others compute.
beside() { # name of the log, options of Swift Testing
  run "$@" > ".build/tests-$1.out"
}
beside programs --no-parallel --skip "$pure" --skip "$whole" --skip "$commands" &
programs=$!
beside commands --no-parallel --filter "$commands" &
commands=$!
run whole --no-parallel --filter "$whole"
count whole $?
for name in programs commands; do
  wait "${!name}"
  ended=$?
  cat ".build/tests-$name.out"
  count "$name" "$ended"
done
if [ "$skipped" -ne 0 ]; then echo "$skipped skipped"; fi
if [ "$status" -eq 0 ] && { [ "$failed" -ne 0 ] || [ "$passed" -eq 0 ]; }; then status=1; fi
close "$passed" "$failed" "$status"
