#!/bin/sh
# Builds the DocC documentation of every library product into .build/documentation, one archive for
# each, with the compiler's own docc; fails if there is a warning. No package is needed for it.
set -eu
cd "$(dirname "$0")/.."
swift=${SWIFT:-swift}
$swift build -c release --product trompe
$swift build -c release --target TensorReference
products=$($swift build -c release --show-bin-path)
bin=$(dirname "$(command -v "$swift")")
target=$($swift -print-target-info | sed -n 's/^ *"unversionedTriple": "\(.*\)",*$/\1/p' | head -n 1)
out=.build/documentation
rm -rf "$out"
mkdir -p "$out"

# Where the modules that ours import are described.
set --
for map in "$products"/*.build/module.modulemap Sources/*/module.modulemap \
  .build/checkouts/*/Sources/*/include/module.modulemap; do
  [ -f "$map" ] && set -- "$@" -Xcc "-fmodule-map-file=$map"
done
for flag in $(pkg-config --cflags-only-I hdf5 libpng libwebp libturbojpeg libcrypto 2>/dev/null || true); do
  set -- "$@" -Xcc "$flag"
done

failed=0
for module in $(sed -n 's/^ *\.library(name: "\([A-Za-z]*\)".*/\1/p' Package.swift); do
  graph=$out/$module.symbols
  mkdir -p "$graph"
  "$bin/swift-symbolgraph-extract" -module-name "$module" -I "$products/Modules" "$@" \
    -target "$target" -minimum-access-level public -output-dir "$graph"
  "$bin/docc" convert --additional-symbol-graph-dir "$graph" --fallback-display-name "$module" \
    --fallback-bundle-identifier "trompe.$module" --output-path "$out/$module.doccarchive" \
    > "$out/$module.log" 2>&1 || { cat "$out/$module.log"; failed=1; continue; }
  rm -r "$graph"
  if grep -q 'warning:' "$out/$module.log"; then
    cat "$out/$module.log"
    failed=1
  else
    echo "$out/$module.doccarchive"
  fi
done
exit $failed
