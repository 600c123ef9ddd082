#!/usr/bin/env bash
# Tests the Python module with the program that is built, in an environment of its own, .build/python, for
# which pip fetches NumPy and what else the tests use. The last line is "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."

environment=.build/python
if [ ! -x "$environment/bin/pytest" ]; then
  python3 -m venv "$environment" &&
    "$environment/bin/pip" install --quiet numpy pandas matplotlib pytest || {
    echo "The environment $environment could not be made, no test was run." >&2
    echo "0 passed, 1 failed"
    exit 1
  }
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
except OSError:
    print(0, 1)
PYTHON
)
if [ "$status" -eq 0 ] && [ "$passed" -eq 0 ]; then status=1; fi
echo "$passed passed, $failed failed"
exit "$status"
