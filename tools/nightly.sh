#!/usr/bin/env bash
# What takes too long for every change, or needs more than a build does: kernels for AArch64 under qemu, the
# kernels' suites with oneDNN held to lesser instructions, and recipes on another device. Our own kernels are
# tested with every instruction set by "make test"; oneDNN takes one limit for a process.
set -euo pipefail
cd "$(dirname "$0")/.."

swift=${SWIFT:-swift}
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"

tools/install-dependencies.sh gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
tools/test-arm.sh

"$swift" build -c release --build-tests
lower=(baseline)
if grep -q avx512dq /proc/cpuinfo; then lower+=(avx2); fi
for isa in "${lower[@]}"; do
  echo "The kernels with oneDNN of no more than $isa"
  TROMPE_MAX_ISA=$isa "$swift" test -c release --skip-build --no-parallel \
    --filter 'TensorCPUTests|PyTorchGradient'
done

echo "Changed HDF5 files, ten times as many"
TROMPE_FUZZ=400 "$swift" test -c release --skip-build --filter 'CheckpointsTests.FuzzTests'

echo "A wheel, installed into an empty environment"
"$swift" build -c release --product trompe
packaging/link.sh .build/package
rm -rf .build/wheel .build/wheel-environment
packaging/make_wheel.py .build/package .build/wheel
python3 -m venv .build/wheel-environment
.build/wheel-environment/bin/pip install --quiet .build/wheel/trompe-*.whl -r python/tests/requirements.txt
(unset TROMPE_PROGRAM && TROMPE_INSTALLED=1 .build/wheel-environment/bin/python -m pytest -q -p no:cacheprovider python/tests)

echo "A package that uses the library"
tools/test-package.sh

echo "The audit of a manipulated network and of an honest one, by the network that both come from"
audited=$(mktemp -d)
trap 'rm -rf "$audited"' EXIT
.build/release/trompe fool recipes/shapes-location-gradcam.yaml --set control=true -q -o "$audited/run"
for kind in manipulated control/network; do
  .build/release/trompe audit "$audited/run/$kind.h5" --shapes 1000 --against checkpoints/shapes-resnet.h5 \
    -q -o "$audited/$(basename "$kind")" || true
done
grep -q '"measuredVerdict" : "manipulated"' "$audited/manipulated/audit.json"
grep -q '"measuredVerdict" : "nothing found"' "$audited/network/audit.json"

echo "Runs that several processes share"
tools/install-dependencies.sh openmpi-bin libopenmpi-dev
TROMPE_ALL_SHARED=1 "$swift" test -c release --skip-build --no-parallel --filter 'MPITests|ProcessGroupTests'
tools/test-mpi.sh

if [ -e "${XDG_DATA_HOME:-$HOME/.local/share}/trompe/plugins/cpu" ]; then
  echo "Runs and recipes on XLA's CPU"
  TROMPE_ALL_ON_XLA=1 "$swift" test -c release --skip-build --no-parallel --filter 'XLARunTests'
  tools/compare_devices.py
fi
