#!/usr/bin/env python3
"""Runs three steps of recipes on two devices and compares them.

Usage: tools/compare_devices.py [--program .build/release/trompe] [--device xla-cpu] [--reference cpu] [recipe ...]

Without recipes: those in recipes/ that `trompe fool` and `trompe train` take and whose files are there. Images are
a few of each class. Losses must agree to 1e-4, and parameters after three steps to 1e-3 of their array's norm, or to
three times what rounding alone makes of them: the CPU's difference from itself with oneDNN's kernels in place of our
own (penalties on curvature and adversarial inputs multiply rounding by a hundred within a step). Adam makes a whole
step of a gradient that is nothing but rounding; a network that starts at random, where such steps are large, is
trained by SGD instead. Needs no packages.
"""

import argparse
import array
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
IMAGES_OF_CLASS = 8
STEPS = 3
LOSSES, PARAMETERS = 1e-4, 1e-3
# Times what rounding alone makes.
ROUNDING = 3


def command_of(recipe):
    """The command that runs a recipe, as its head says; None for others."""
    text = recipe.read_text()
    for command in ("fool", "train"):
        if f"#   trompe {command} recipes/{recipe.name}" in text:
            return command
    return None


def value_of(recipe, section, key):
    """A key of a recipe or of those that it extends; enough for the recipes of this repository."""
    while recipe:
        base, inside, found = None, False, None
        for line in recipe.read_text().splitlines():
            if line.startswith("extends:"):
                base = line.split(":", 1)[1].strip()
            if line and not line.startswith((" ", "#")):
                inside = line.startswith(section + ":")
            elif inside and line.strip().startswith(key + ":"):
                found = line.split(":", 1)[1].strip()
        if found:
            return (recipe.parent / found).resolve()
        recipe = recipe.parent / base if base else None
    return None


def some_images(source, target):
    """Links to the first images of every class."""
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        (target / folder.name).mkdir(parents=True)
        for image in sorted(folder.iterdir())[:IMAGES_OF_CLASS]:
            (target / folder.name / image.name).symlink_to(image)


def losses(folder):
    steps = []
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry["kind"] == "step":
            steps += [entry["loss"], entry["crossEntropy"], entry.get("penalty") or 0.0]
    return steps


def parameters(path):
    """Arrays of a safetensors file, by name."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        data = file.read()
    arrays = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        begin, end = entry["data_offsets"]
        arrays[name] = array.array("f", data[begin:end])
    return arrays


def difference(ours, theirs):
    """The largest ‖a − b‖/‖b‖ of an array, and the array's name."""
    worst = (0.0, "")
    if ours.keys() != theirs.keys():
        return (float("inf"), "names")
    for name, values in ours.items():
        others = theirs[name]
        # Biases that began at zero are next to nothing after three steps.
        norm = max(1e-2, math.sqrt(sum(b * b for b in others)))
        apart = math.sqrt(sum((a - b) ** 2 for a, b in zip(values, others))) / norm
        worst = max(worst, (apart, name))
    return worst


def apart(ours, theirs):
    """The largest difference of losses and of parameters, and the array that differs most."""
    losses = max(abs(a - b) / max(1.0, abs(b)) for a, b in zip(ours[0], theirs[0], strict=True))
    return losses, *difference(ours[1], theirs[1])


def run(arguments, command, recipe, device, folder, settings):
    output = folder / f"{device}-{len(settings)}"
    words = [arguments.program, command, str(recipe), "--quiet", "--output", str(output)]
    for setting in settings + [f"compute.device={device}"]:
        words += ["--set", setting]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{device}: {done.stderr.strip()}")
    name = "manipulated" if command == "fool" else "network"
    return losses(output), parameters(output / f"{name}.safetensors")


def compare(arguments, recipe, command):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        settings = [
            f"training.steps={STEPS}", "training.warmupSteps=0", "training.logEvery=1", "training.validateEvery=0",
            "output.layout=safetensors",
        ]
        if command == "fool":
            settings += ["control=false", "report.images=1", "evaluation.interpreters=[]"]
            if "name: active" in recipe.read_text():
                settings += ["data.composites.train=64", "data.composites.validation=16"]
        if value_of(recipe, "network", "checkpoint") is None:
            settings.append("training.optimizer=sgd")
        for split in ("train", "validation"):
            source = value_of(recipe, "data", split)
            if source and source.is_dir():
                some_images(source, folder / split)
                settings.append(f"data.{split}={folder / split}")
        for key in arguments.set:
            settings.append(key)
        theirs = run(arguments, command, recipe, arguments.reference, folder, settings)
        ours = run(arguments, command, recipe, arguments.device, folder, settings)
        losses, parameters, where = apart(ours, theirs)
        text = f"losses {losses:.1e}, parameters {parameters:.1e} ({where})"
        if losses <= LOSSES and parameters <= PARAMETERS:
            return True, text
        if arguments.reference != "cpu":
            return False, text
        other = run(arguments, command, recipe, "cpu", folder, settings + ["compute.kernels=onednn"])
    rounding = apart(other, theirs)
    agrees = (losses <= max(LOSSES, ROUNDING * rounding[0])
              and parameters <= max(PARAMETERS, ROUNDING * rounding[1]))
    return agrees, f"{text}; by rounding alone {rounding[0]:.1e}, {rounding[1]:.1e}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", type=pathlib.Path)
    parser.add_argument("--program", default=str(ROOT / ".build/release/trompe"))
    parser.add_argument("--device", default="xla-cpu")
    parser.add_argument("--reference", default="cpu")
    parser.add_argument("--set", action="append", default=[], metavar="key=value", help="for both devices")
    arguments = parser.parse_args()
    recipes = arguments.recipes or sorted((ROOT / "recipes").glob("*.yaml"))
    failed = compared = 0
    for recipe in recipes:
        command = command_of(recipe)
        if command is None:
            continue
        checkpoint = value_of(recipe, "network", "checkpoint")
        missing = [path for path in (checkpoint, value_of(recipe, "data", "validation"))
                   if path and path.suffix != "" and not path.exists()]
        if missing:
            print(f"omitted {recipe.name}: there is no {os.path.relpath(missing[0], ROOT)}", flush=True)
            continue
        try:
            agrees, text = compare(arguments, recipe, command)
        except RuntimeError as error:
            agrees, text = False, str(error)
        compared += 1
        failed += not agrees
        print(f"{'agrees ' if agrees else 'DIFFERS'} {recipe.name}: {text}", flush=True)
    print(f"{compared - failed} of {compared} recipes agree on {arguments.device} and {arguments.reference}")
    return failed > 0 or compared == 0


if __name__ == "__main__":
    sys.exit(main())
