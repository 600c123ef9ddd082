#!/usr/bin/env bash
# Builds a package that depends on this one by path and has the README's program, and runs it: once more all
# of Trompe, as whoever uses the library builds it.
set -euo pipefail
cd "$(dirname "$0")/.."

swift=${SWIFT:-swift}
root=$PWD
package=.build/consumer
mkdir -p "$package/Sources/draw"
awk '/^```swift$/ { inside = 1; next } /^```$/ { inside = 0 } inside' README.md \
  > "$package/Sources/draw/main.swift"
lines=$(wc -l < "$package/Sources/draw/main.swift")
[ "$lines" -gt 0 ] && [ "$lines" -le 15 ] ||
  { echo "README.md has a program of $lines lines, expected 1 to 15" >&2; exit 1; }
cat > "$package/Package.swift" <<MANIFEST
// swift-tools-version: 6.1
import PackageDescription
let package = Package(
  name: "draw",
  dependencies: [.package(name: "trompe", path: "$root")],
  targets: [
    .executableTarget(
      name: "draw", dependencies: [.product(name: "TrompeKit", package: "trompe")])
  ])
MANIFEST
"$swift" build -c release --package-path "$package" --product draw
rm -rf "$package/run"
mkdir -p "$package/run/checkpoints"
cp checkpoints/shapes-resnet.h5 "$package/run/checkpoints"
cp docs/fooled.jpg "$package/run/photo.png" # The kind of a file is read from its bytes.
program=$("$swift" build -c release --package-path "$root/$package" --show-bin-path)/draw
(cd "$package/run" && "$program")
test -s "$package/run/explanations/photo.grad-cam.png"
