#!/usr/bin/env bash
# A run that processes on two hosts share, against the same on one host: the same bytes. The hosts are network
# namespaces of this machine, joined by a bridge, which needs root; where they cannot be made, it says so.
# Argument: the program (.build/release/trompe).
set -euo pipefail
cd "$(dirname "$0")/.."

program=$(realpath "${1:-.build/release/trompe}")
work=$(mktemp -d)
bridge=tr$$
hosts=(1 2)
address=10.213.77

remove() {
  for host in "${hosts[@]}"; do ip netns del "$bridge-$host" 2>/dev/null || true; done
  ip link del "$bridge" 2>/dev/null || true
  rm -rf "$work"
}
trap remove EXIT

if ! command -v mpirun >/dev/null; then
  echo "There is no mpirun: nothing was tested." >&2
  exit 0
fi
if ! ip link add "$bridge" type bridge 2>/dev/null; then
  echo "No network namespaces can be made here: runs across hosts were not tested." >&2
  exit 0
fi
ip link set "$bridge" up
for host in "${hosts[@]}"; do
  space=$bridge-$host
  ip netns add "$space"
  ip link add "$space" type veth peer name eth0 netns "$space"
  ip link set "$space" master "$bridge" up
  ip -n "$space" addr add "$address.$host/24" dev eth0
  ip -n "$space" link set eth0 up
  ip -n "$space" link set lo up
done

# In place of ssh: HOST COMMAND...
cat >"$work/agent" <<END
#!/bin/sh
while [ "\${1#-}" != "\$1" ]; do shift; done
host=\$1
shift
exec ip netns exec "$bridge-\${host##*.}" /bin/sh -c "\$*"
END
chmod +x "$work/agent"

XDG_DATA_HOME=$work make -s mpi
export TROMPE_MPI=$work/trompe/mpi/libtrompe_mpi.so OMP_WAIT_POLICY=passive
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
run=("$program" fool recipes/shapes-location-gradcam.yaml --set training.steps=20 --set training.warmupSteps=0 --set compute.threads=1
  --set "data.shapes={train: 200, validation: 50, seed: 2}" --quiet --json -o)

mpirun --oversubscribe --bind-to none -n 2 "${run[@]}" "$work/one" >/dev/null
ip netns exec "$bridge-1" mpirun --oversubscribe --bind-to none -x TROMPE_MPI -x OMP_WAIT_POLICY \
  --host "$address.1,$address.2" --mca plm_rsh_agent "$work/agent" \
  --mca oob_tcp_if_include "$address.0/24" --mca btl tcp,self --mca btl_tcp_if_include "$address.0/24" \
  --mca pml ob1 "${run[@]}" "$work/two" >/dev/null
for name in manipulated.h5 predictions.csv test-losses.jsonl; do
  cmp "$work/one/$name" "$work/two/$name"
done
echo "Two hosts write the bytes that two processes on one host write."
