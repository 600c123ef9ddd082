#!/usr/bin/env bash
# Builds the DocC documentation of every library product into .build/documentation, one archive for
# each, with the compiler's own docc, and type-checks the examples in it; fails if there is a warning.
# No package is needed for it.
#
#   tools/make-docs.sh           builds what it needs; also type-checks the files of docs/extending.md
#   tools/make-docs.sh --quick   takes the modules that a build of the tests has left
set -euo pipefail
cd "$(dirname "$0")/.."
swift=${SWIFT:-swift}
quick=
case ${1:-} in
  "") ;;
  --quick) quick=1 ;;
  *) echo "usage: tools/make-docs.sh [--quick]" >&2; exit 2 ;;
esac
if [ -z "$quick" ]; then
  "$swift" build -c release --product trompe
  "$swift" build -c release --target TensorReference
  "$swift" build -c release --target TrompeKit
fi
products=$("$swift" build -c release --show-bin-path)
bin=$(dirname "$(command -v "$swift")")
target=$("$swift" -print-target-info | sed -n 's/^ *"unversionedTriple": "\(.*\)",*$/\1/p' | head -n 1)
# By which modules of one package know each other.
package=$(basename "$PWD" | tr '[:upper:]' '[:lower:]')
out=.build/documentation
rm -rf "$out"
mkdir -p "$out/examples"

# Where the modules that ours import are described.
flags=(-I "$products/Modules" -module-cache-path "$out/cache" -target "$target")
for map in "$products"/*.build/module.modulemap Sources/*/module.modulemap \
  .build/checkouts/*/Sources/*/include/module.modulemap; do
  if [ -f "$map" ]; then flags+=(-Xcc "-fmodule-map-file=$map"); fi
done
for flag in $(pkg-config --cflags-only-I hdf5 libpng libwebp libturbojpeg libcrypto zlib 2>/dev/null || true); do
  flags+=(-Xcc "$flag")
done

document() { # module
  local module=$1 log=$out/$1.log graph=$out/$1.symbols catalogue=Sources/$1/$1.docc
  if [ ! -f "$catalogue/$module.md" ]; then
    echo "$catalogue/$module.md is missing: every library has an article" >&2
    return 1
  fi
  mkdir -p "$graph"
  "$bin/swift-symbolgraph-extract" -module-name "$module" "${flags[@]}" \
    -minimum-access-level public -output-dir "$graph" || return 1
  "$bin/docc" convert "$catalogue" --additional-symbol-graph-dir "$graph" \
    --fallback-display-name "$module" --fallback-bundle-identifier "trompe.$module" \
    --output-path "$out/$module.doccarchive" > "$log" 2>&1 || { cat "$log" >&2; return 1; }
  rm -r "$graph"
  if grep -q 'warning:' "$log"; then
    cat "$log" >&2
    return 1
  fi
  echo "$out/$module.doccarchive"
}

check() { # example, which is a program
  "$bin/swiftc" -typecheck -swift-version 6 -module-name Example "${flags[@]}" "$1" || {
    echo "$1 does not compile" >&2
    return 1
  }
}

extend() { # module, its new files
  local module=$1
  shift
  find "Sources/$module" -name '*.swift' -not -path '*.docc/*' -print0 |
    xargs -0 "$bin/swiftc" -typecheck -swift-version 6 -parse-as-library -module-name "$module" \
      -package-name "$package" "${flags[@]}" "$@" || {
    echo "an example of docs/extending.md does not compile in $module" >&2
    return 1
  }
  echo "docs/extending.md, $module"
}

# Every block of Swift in an article, or in the README, is a program.
for article in README.md Sources/*/*.docc/*.md; do
  awk -v to="$out/examples/$(basename "$article" .md)" '
    /^```swift$/ { inside = 1; count++; next }
    /^```$/ { inside = 0 }
    inside { print > (to "-" count ".swift") }' "$article"
done
# Every block of docs/extending.md that begins with its place is a whole file.
mkdir "$out/extending"
awk -v to="$out/extending/" '
  /^```$/ { file = "" }
  file { print > file }
  /^\/\/ Sources\// { file = $2; gsub("/", "+", file); file = to file; print > file }' docs/extending.md
tutorial=Sources/Explanations/Explanations.docc/Resources/SquaredGrad-4.swift
cmp "$tutorial" "$out/extending/Sources+Explanations+SquaredGrad.swift" >&2 || touch "$out/failed"

# As many at a time as there are cores.
start() {
  while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || true; done
  { "$@" || touch "$out/failed"; } &
}
for module in $(sed -n 's/^ *\.library(name: "\([A-Za-z]*\)".*/\1/p' Package.swift); do
  start document "$module"
done
for example in "$out"/examples/*.swift; do start check "$example"; done
if [ -z "$quick" ]; then
  for module in $(ls "$out/extending" | cut -d+ -f2 | sort -u); do
    start extend "$module" "$out/extending/Sources+$module+"*.swift
  done
fi
wait
[ ! -e "$out/failed" ]
