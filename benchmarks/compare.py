"""Times Trompe against PyTorch, TensorFlow and JAX: the same weights, batch, loss and update, in turns.

    python benchmarks/compare.py                      # everything, fp32
    python benchmarks/compare.py --network resnet50 --work grad-cam --rounds 10
    python benchmarks/compare.py --device cuda --batch 8 --batch 32 --batch 128

Each program runs in a process of its own and does one step when its turn comes; the losses of their
first steps are compared before anything is timed. Prints, for each network and work, the median
milliseconds per image of each, the median over the rounds of the ratio of Trompe's time to that of
the faster peer in the same round, and the ratio of peak memory. One line of JSON each in `--output`.

Needs a release build of `trompe`, and the packages of requirements.txt.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOLERANCE = {"fp32": 2e-3, "bf16": 5e-2}  # relative, of the losses of the first step

# Ratios to reach, fp32, against the faster peer.
TARGETS = {
    ("vgg19", "simple-grad"): 0.80, ("resnet50", "simple-grad"): 0.80,
    ("densenet121", "simple-grad"): 0.85, ("vgg19", "grad-cam"): 0.78,
    ("resnet50", "grad-cam"): 0.78, ("densenet121", "grad-cam"): 0.88, ("vgg19", "lrp-t"): 0.50,
    ("resnet50", "lrp-t"): 0.50, ("resnet50", "evaluation"): 0.75, ("vgg19", "evaluation"): 0.95,
    ("cifar-resnet56", "grad-cam"): 0.65,
    **{(network, work): 0.60 for network in ("mobilenet-v2", "efficientnet-lite0")
       for work in ("simple-grad", "grad-cam", "evaluation")},
}


class Program:
    def __init__(self, name, command, environment=None):
        self.name = name
        self.seconds = []
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, cwd=HERE, env={**os.environ, **(environment or {})})

    def step(self):
        """(seconds, values) of one step."""
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name} ended: {self.process.stderr.read()[-2000:]}")
        seconds, values = answer.split(" ", 1)
        return float(seconds), json.loads(values)

    def peak_bytes(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            lines = dict(line.split(":", 1) for line in status)
        return int(lines["VmHWM"].split()[0]) * 1024

    def close(self):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()


def compare(arguments, network, work, weights, precision, batch):
    batch_size = ["--batch", str(batch)]
    threads = ["--threads", str(arguments.threads)]
    low = ["--bf16"] if precision == "bf16" else []
    peers = {"PyTorch": "peer_pytorch.py", "TensorFlow": "peer_tensorflow.py", "JAX": "peer_jax.py"}
    python = {
        "PyTorch": arguments.python, "TensorFlow": arguments.python_tensorflow,
        "JAX": arguments.python_jax}
    # What XLA computes on is compared with what computes there; on processors it is JAX's.
    device = [] if arguments.device == "cpu" else ["--device", arguments.device]
    peer_device = ["--device", "cuda"] if arguments.device == "cuda" else []
    ours = ["--precision", "bf16"] if precision == "bf16" else []
    programs = [Program("Trompe", [
        str(pathlib.Path(arguments.trompe).resolve()), "bench", "--paced", "--network", network,
        "--work", work, "--weights", weights, *batch_size, *threads, *ours, *device])]
    for name, file in peers.items():
        rules = ["--rules", arguments.rules] if name == "PyTorch" else []
        size = [] if name == "TensorFlow" else [*batch_size, *peer_device]
        if name not in arguments.without:
            programs.append(Program(
                name,
                [python[name], file, network, work, weights, *threads, *low, *rules, *size]))
    try:
        first = {program.name: program.step()[1] for program in programs}
        print(f"# {network} {work} {precision}", file=sys.stderr)
        for name, values in first.items():
            print(f"#   {name}: {values}", file=sys.stderr, flush=True)
        checked = {name: check(first["Trompe"], values, precision) for name, values in first.items()}
        for program in programs:
            program.step()
        for _ in range(arguments.rounds):
            for program in programs:
                program.seconds.append(program.step()[0])
        result = {
            "network": network, "work": work, "precision": precision,
            "batchSize": batch, "device": arguments.device, "threads": arguments.threads,
            "rounds": arguments.rounds, "rules": arguments.rules, "sameLosses": all(checked.values()),
            "millisecondsPerImage": {
                p.name: 1000 * statistics.median(p.seconds) / batch
                for p in programs},
            "peakBytes": {p.name: p.peak_bytes() for p in programs},
            "target": TARGETS.get((network, work))
            if (precision, arguments.device) == ("fp32", "cpu") else None,
        }
        result["ratio"] = {
            p.name: statistics.median(a / b for a, b in zip(programs[0].seconds, p.seconds))
            for p in programs[1:]}
        return result
    finally:
        for program in programs:
            program.close()


def check(ours, theirs, precision):
    """Whether both computed the same values."""
    same = True
    for key in ours:
        if key in theirs and abs(ours[key] - theirs[key]) > TOLERANCE[precision] * max(
                abs(ours[key]), abs(theirs[key]), 1e-3):
            same = False
    return same


def row(result):
    peers = list(result["ratio"])
    times = "  ".join(f"{name} {ms:8.2f}" for name, ms in result["millisecondsPerImage"].items())
    ratios = "  ".join(f"/{name} {result['ratio'][name]:.2f}" for name in peers)
    memory = "  ".join(
        f"/{name} {result['peakBytes']['Trompe'] / result['peakBytes'][name]:.2f}" for name in peers)
    if result["device"] == "cuda":
        memory = "of the host " + memory
    target = "" if result["target"] is None else f"  target {result['target']:.2f}"
    same = "" if result["sameLosses"] else "  LOSSES DIFFER"
    return (f"{result['network']:15} {result['work']:12} {result['batchSize']:4} {result['precision']}  "
            f"ms per image: {times}  "
            f"ratio: {ratios}{target}  memory: {memory}{same}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", action="append", help="may be repeated; default all")
    parser.add_argument("--work", action="append", help="may be repeated; default all")
    parser.add_argument(
        "--device", choices=["cpu", "xla-cpu", "cuda"], default="cpu",
        help="cuda: Trompe, PyTorch and JAX on the first GPU; xla-cpu: Trompe by XLA on the processors")
    parser.add_argument(
        "--batch", type=int, action="append", help="may be repeated; default the network's")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument(
        "--rules", choices=["adjoint", "autograd"], default="adjoint",
        help="PyTorch's rules of LRP by transposed convolutions, or by autograd")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--trompe", default=HERE.parent / ".build/release/trompe")
    parser.add_argument("--python", default=sys.executable, help="with torch")
    parser.add_argument("--python-tensorflow", help="with tensorflow; default the same")
    parser.add_argument("--python-jax", help="with jax; default the same")
    parser.add_argument(
        "--without", action="append", default=[],
        help="PyTorch, TensorFlow or JAX; TensorFlow is left out on other devices than cpu and where "
        "--batch is given, JAX on cpu")
    parser.add_argument("--output", type=pathlib.Path, help="a file for one line of JSON each")
    arguments = parser.parse_args()
    arguments.python_tensorflow = arguments.python_tensorflow or arguments.python
    arguments.python_jax = arguments.python_jax or arguments.python
    if arguments.device == "cpu":
        arguments.without.append("JAX")
    if arguments.device != "cpu" or arguments.batch:
        arguments.without.append("TensorFlow")
    import networks
    import weights

    works = ["simple-grad", "grad-cam", "lrp-t", "evaluation"]
    with tempfile.TemporaryDirectory() as folder:
        for network in arguments.network or networks.TARGET:
            file = os.path.join(folder, f"{network}.h5")
            weights.write(network, file)
            for work in arguments.work or works:
                if work == "lrp-t" and network not in ("vgg19", "resnet50"):
                    continue
                for batch in arguments.batch or [networks.BATCH[network]]:
                    result = compare(arguments, network, work, file, arguments.precision, batch)
                    print(row(result), flush=True)
                    if arguments.output:
                        with open(arguments.output, "a") as output:
                            output.write(json.dumps(result) + "\n")
            os.remove(file)


if __name__ == "__main__":
    main()
