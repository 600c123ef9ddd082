#!/usr/bin/env bash
# Our own kernels for AArch64, cross-compiled and run under qemu: every instruction set of arch/arm against plain
# loops (tools/arm/kernels.c). Part of "make nightly". On Debian and Ubuntu it needs
#   gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
# Without them it says so and fails; with TROMPE_ARM=optional it only says so.
set -euo pipefail
cd "$(dirname "$0")/.."

target=aarch64-linux-gnu
kernels=Sources/CTensorKernels
build=.build/arm
for tool in "${CLANG:=clang}" $target-gcc qemu-aarch64; do
  command -v "$tool" >/dev/null || {
    echo "tools/test-arm.sh needs $tool: apt-get install gcc-$target libc6-dev-arm64-cross qemu-user" >&2
    [ "${TROMPE_ARM:-}" = optional ] && exit 0
    exit 1
  }
done

mkdir -p "$build"
objects=()
compile() { # source
  local object
  object=$build/$(tr / _ <<<"$1").o
  "$CLANG" --target=$target -std=gnu17 -O2 -I$kernels -I$kernels/include -c "$1" -o "$object"
  objects+=("$object")
}
# All but what calls oneDNN.
for source in $(find $kernels -name '*.c' | sort); do
  grep -q 'dnnl\|onednn_conv\.h' "$source" || compile "$source"
done
compile tools/arm/kernels.c
$target-gcc -o "$build/kernels" "${objects[@]}" -lgomp -lm -lpthread
OMP_WAIT_POLICY=passive qemu-aarch64 -L /usr/$target "$build/kernels" neon
