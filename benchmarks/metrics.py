"""Times metrics of heatmaps by Trompe and by Quantus: the same network, images and heatmaps, in turns.

    python benchmarks/metrics.py ../shared                      # every metric, 16 images
    python benchmarks/metrics.py ../shared --images 4 --rounds 5 --metric road infidelity

CIFAR ResNet-20, Grad-CAM at `layer3`, each metric with Quantus's defaults. Either side runs when its turn
comes and has the machine for itself, with as many threads as the other. Quantus's time is that of calling a
metric with the images, their heatmaps and the network; Trompe's is what `trompe evaluate` reports in
`metrics[].seconds`, of two networks (the file against itself), halved. Neither has the loading of images and
weights in it, nor the compilation of programs (`--whole` times that too: `trompe evaluate` as a whole process
for two networks, against Quantus's metrics twice). Prints, for each metric, the median seconds of each and
the median over the rounds of their ratio, and the load of the machine.

On a machine that others use, set OMP_WAIT_POLICY=passive, or waiting threads take the time of working ones.

Scores of metrics without random choices are compared before anything is said of times.

Needs a release build of `trompe`, and quantus, torch, h5py, pillow.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))

NETWORK = "resnet20-cifar10"
LAYER = "layer3"
# By Trompe's name: Quantus's class, its arguments. Deletion takes 24 steps on either side: Quantus wants a step
# that divides the pixels.
METRICS = {
    "faithfulness-correlation": ("FaithfulnessCorrelation", {"return_aggregate": False}),
    "road": ("ROAD", {}),
    "infidelity": ("Infidelity", {}),
    "deletion": ("PixelFlipping", {"features_in_step": 128}),
    "max-sensitivity": ("MaxSensitivity", {}),
    "mprt": ("MPRT", {}),
    "emprt": ("EfficientMPRT", {}),
    "sparseness": ("Sparseness", {}),
    "complexity": ("Complexity", {}),
}
OURS = {"deletion": "{name: deletion, step: 43, fill: black}"}
WITHOUT_CHOICES = {"infidelity": 1e-4, "sparseness": 1e-4, "complexity": 1e-4}


def quantus_side(shared, paths, threads):
    """A function from a metric's name to its scores."""
    import numpy
    import quantus
    import torch
    import torch.nn.functional as F
    from quantus.metrics.faithfulness import road

    import reference_networks as reference

    torch.set_num_threads(threads)
    warnings.simplefilter("ignore")
    checkpoint = reference.CHECKPOINTS[NETWORK]
    model = checkpoint.load(shared, torch.float32)
    x = reference.normalise(
        numpy.stack([reference.pixels(path, checkpoint.side) for path, _ in paths]), torch.float32
    ).contiguous().numpy()
    y = numpy.array([label for _, label in paths])

    def explain(model, inputs, targets, **_):
        inputs = torch.as_tensor(numpy.asarray(inputs), dtype=torch.float32)
        targets = torch.as_tensor(numpy.asarray(targets))
        logits, activation = reference.forward_with_activation(model, inputs, LAYER)
        map = reference.grad_cam(logits, targets, activation)[:, None]
        return F.interpolate(
            map, size=inputs.shape[2:], mode="bilinear", align_corners=False).detach().numpy()

    a = explain(model, x, y)

    class OneMap:
        """See tools/make_metric_fixtures.py: ROAD of version 0.6 fails for images of three channels."""

        def __getattr__(self, name):
            return getattr(numpy, name)

        @staticmethod
        def broadcast_to(array, shape):
            return array

    road.np = OneMap()

    def measure(name):
        kind, options = METRICS[name]
        metric = getattr(quantus, kind)(disable_warnings=True, **options)
        return metric(
            model=model, x_batch=x, y_batch=y, a_batch=a.copy(), explain_func=explain,
            batch_size=64)

    return measure


def trompe_side(program, shared, folder, names, threads, images):
    """(seconds of one network and mean score by metric, seconds of the process)"""
    checkpoint = str(shared / "checkpoints" / f"{NETWORK}.h5")
    command = [
        program, "evaluate", checkpoint, "--against", checkpoint, "--data", folder, "--interpreter",
        f"grad-cam@{LAYER}", "--metric-images", str(images),
        *(part for name in names for part in ("--metric", OURS.get(name, name))), "--set", "evaluation.interpreters=[]", "--set", f"compute.threads={threads}",
        "--set", "evaluation.batchSize=64", "--quiet", "--json"]
    begin = time.perf_counter()
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begin
    if output.returncode != 0:
        raise SystemExit(output.stderr)
    return {
        metric["metric"]: (metric["seconds"] / 2, metric["original"].get("mean"))
        for metric in json.loads(output.stdout)["metrics"]}, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=pathlib.Path, help="folder with checkpoints and data")
    parser.add_argument("--trompe", default=str(HERE.parent / ".build/release/trompe"))
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--metric", nargs="*", default=list(METRICS), choices=list(METRICS))
    parser.add_argument("--whole", action="store_true", help="time whole processes as well")
    parser.add_argument("--output", type=pathlib.Path, help="one line of JSON for each metric")
    arguments = parser.parse_args()

    import reference_networks as reference

    every = reference.image_paths(arguments.shared, reference.CHECKPOINTS[NETWORK].data, "val")
    count = arguments.images
    # As few images as have every class; of these, the ones that Trompe chooses.
    classes = max(label for _, label in every) + 1
    each = -(-count // classes)
    kept = [
        entry for label in range(classes)
        for entry in [entry for entry in every if entry[1] == label][:each]]
    chosen = [kept[index * len(kept) // count] for index in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        for path, _ in kept:
            target = pathlib.Path(folder) / path.parent.name
            target.mkdir(exist_ok=True)
            os.symlink(path.resolve(), target / path.name)
        quantus = quantus_side(arguments.shared, chosen, arguments.threads)
        ours = {name: [] for name in arguments.metric}
        theirs = {name: [] for name in arguments.metric}
        whole = []
        for _ in range(arguments.rounds):
            for name in arguments.metric:
                begin = time.perf_counter()
                scores = quantus(name)
                theirs[name].append(time.perf_counter() - begin)
                found, _ = trompe_side(
                    arguments.trompe, arguments.shared, folder, [name], arguments.threads, count)
                ours[name].append(found[name][0])
                if name in WITHOUT_CHOICES:
                    mean = sum(map(float, scores)) / len(scores)
                    difference = abs(found[name][1] - mean) / max(1, abs(mean))
                    if difference > WITHOUT_CHOICES[name]:
                        raise SystemExit(f"{name}: {found[name][1]}, by Quantus {mean}")
            if arguments.whole:
                whole.append(trompe_side(
                    arguments.trompe, arguments.shared, folder, arguments.metric,
                    arguments.threads, count)[1])
    print(f"{count} images, {arguments.threads} threads, load {os.getloadavg()[0]:.1f}, "
          f"{arguments.rounds} rounds")
    print(f"{'metric':26}{'Quantus s':>11}{'Trompe s':>11}{'ratio':>9}")
    lines = []
    for name in arguments.metric:
        ratio = statistics.median(a / b for a, b in zip(theirs[name], ours[name]))
        lines.append({
            "metric": name, "quantus": statistics.median(theirs[name]),
            "trompe": statistics.median(ours[name]), "ratio": ratio, "images": count,
            "rounds": arguments.rounds, "threads": arguments.threads})
        print(f"{name:26}{lines[-1]['quantus']:11.3f}{lines[-1]['trompe']:11.3f}{ratio:9.1f}")
    totals = [
        (sum(theirs[name][place] for name in theirs), sum(ours[name][place] for name in ours))
        for place in range(arguments.rounds)]
    ratio = statistics.median(a / b for a, b in totals)
    print(f"{'all':26}{statistics.median(a for a, _ in totals):11.3f}"
          f"{statistics.median(b for _, b in totals):11.3f}{ratio:9.1f}")
    if whole:
        ratio = statistics.median(2 * a / b for (a, _), b in zip(totals, whole))
        print(f"{'whole process, 2 networks':26}{2 * statistics.median(a for a, _ in totals):11.3f}"
              f"{statistics.median(whole):11.3f}{ratio:9.1f}")
    if arguments.output:
        arguments.output.write_text("".join(json.dumps(line) + "\n" for line in lines))


main()
