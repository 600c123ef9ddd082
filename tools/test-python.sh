#!/usr/bin/env bash
# Tests the Python module with the program that is built, in an environment of its own, .build/python, for
# which pip fetches what python/tests/requirements.txt names. The last line is "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."

environment=.build/python
wanted=python/tests/requirements.txt
give_up() {
  printf '%s\n' "$@" "No test of the Python module was run." >&2
  echo "0 passed, 1 failed"
  exit 1
}

# Debian has ensurepip in a package of its own.
python3 -c 'import ensurepip, venv' 2>/dev/null ||
  tools/install-dependencies.sh python3 python3-venv ||
  give_up "Python 3.9 or newer with its module venv is missing."
# Made again where it is incomplete, or for another list.
if ! cmp -s "$wanted" "$environment/installed.txt"; then
  rm -rf "$environment"
  python3 -m venv "$environment" || give_up "The environment $environment could not be made."
  # Seconds to an answer, and for everything: without a network there is an end to it.
  timeout 600 "$environment/bin/pip" install --quiet --disable-pip-version-check --timeout 15 --retries 2 \
    --requirement "$wanted" ||
    give_up "pip could not fetch what $wanted names: is PyPI, or the index that pip is set to, reachable?"
  cp "$wanted" "$environment/installed.txt"
fi

report=.build/tests-python.xml
rm -f "$report"
"$environment/bin/python" -m pytest -q -p no:cacheprovider --junitxml="$report" python/tests
status=$?
read -r passed failed < <("$environment/bin/python" - "$report" <<'PYTHON'
import sys
import xml.etree.ElementTree as tree
try:
    suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
    wrong = int(suite.get("failures")) + int(suite.get("errors"))
    print(int(suite.get("tests")) - wrong - int(suite.get("skipped")), wrong)
except (OSError, tree.ParseError):
    print(0, 1)
PYTHON
)
if [ "$status" -eq 0 ] && [ "$passed" -eq 0 ]; then status=1; fi
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
echo "$passed passed, $failed failed"
exit "$status"
