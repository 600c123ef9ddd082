#!/usr/bin/env bash
# A long run whose memory and open files are watched: tools/soak.sh [SECONDS] [FOLDER] [PROGRAM]
#
# Fools the network of this repository on the built-in images, with a validation by two interpreters
# and a saved state every 20 steps. Each quarter of the time ends with SIGTERM and --resume, except
# that the second ends with SIGKILL. A line of the table is one look at the process: seconds since
# the beginning, process, step, validations so far, step of the newest state, resident memory in MB, open files,
# threads. The exit status is 1 if, within one process, memory in the last third of its looks exceeds
# that of the second third by more than 5 %, or the number of open files by any.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-3600}
folder=${2:-runs/soak}
program=${3:-.build/release/trompe}
looks=15 # for each process

rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
table=$(mktemp)
trap 'rm -f "$table"' EXIT
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"

count() { # of lines with a pattern in metrics.jsonl
  grep -c "$1" "$folder/metrics.jsonl" 2>/dev/null || true
}

begin=$(date +%s)
echo "seconds process step validations state MB files threads" | tee "$table"
for part in 1 2 3 4; do
  resume=()
  [ "$part" -eq 1 ] || resume=(--resume)
  "$program" fool recipes/shapes-location-gradcam.yaml --output "$folder" --quiet \
    --set 'fooling={name: center-mass, lambda: 0.25}' --set training.steps=100000000 \
    --set training.validateEvery=20 --set training.validateImages=100 \
    --set training.saveEvery=20 --set training.logEvery=20 --set training.warmupSteps=0 \
    --set data.shapes.train=1000 --set data.shapes.validation=200 \
    --set 'evaluation.interpreters=[{name: smooth-grad, samples: 4}]' "${resume[@]}" 2>/dev/null &
  process=$!
  for ((look = 1; look <= looks; look++)); do
    sleep "$(awk "BEGIN { print $seconds / 4 / $looks }")"
    kill -0 "$process" 2>/dev/null || { echo "the run has ended"; exit 1; }
    state=$(ls "$folder/states" 2>/dev/null | sed -n 's/^step-\([0-9]*\)\.h5$/\1/p' | sort -n | tail -1)
    step=$(tail -n 1 "$folder/metrics.jsonl" 2>/dev/null | grep -o '"step":[0-9]*' | tr -dc 0-9)
    echo "$(($(date +%s) - begin)) $process ${step:-0} $(count '"kind":"validation"')" \
      "${state:-0} $(awk '/^VmRSS/ { printf "%.1f", $2 / 1000 }' "/proc/$process/status")" \
      "$(ls "/proc/$process/fd" | wc -l)" \
      "$(awk '/^Threads/ { print $2 }' "/proc/$process/status")" | tee -a "$table"
  done
  signal=TERM
  [ "$part" -ne 2 ] || signal=KILL
  kill -s "$signal" "$process"
  wait "$process" 2>/dev/null || true
done

awk '
  NR > 1 {
    if (!($2 in looks)) order[++processes] = $2
    n = ++looks[$2]; memory[$2, n] = $6; files[$2, n] = $7
  }
  END {
    for (i = 1; i <= processes; i++) {
      p = order[i]; third = int(looks[p] / 3); before = after = fewer = more = 0
      for (n = third + 1; n <= 2 * third; n++) {
        before += memory[p, n] / third
        if (files[p, n] > fewer) fewer = files[p, n]
      }
      for (n = looks[p] - third + 1; n <= looks[p]; n++) {
        after += memory[p, n] / third
        if (files[p, n] > more) more = files[p, n]
      }
      printf "process %s: %.1f MB in its second third, %.1f MB in its last; at most %d and %d open files\n", p, before, after, fewer, more
      if (after > 1.05 * before || more > fewer) grows = 1
    }
    exit grows
  }' "$table"
