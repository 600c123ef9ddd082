"""Prints what the training program of every recipe needs on a GPU that need not be here: a row for
docs/performance.md for each, in the order of their names.

  python3 tools/ahead_table.py [--target h100] [--trompe BIN] [--stand-ins DIR] [RECIPE...]

With --stand-ins the published recipes get networks of random weights and a thousand folders with one image
each, made in DIR by torchvision where they are missing: neither changes what is compiled.

Needs the plugin for CUDA (trompe devices install cuda13) and the data that the recipes name; recipes whose
data or networks are missing are named with the reason. Nothing is run.
"""

import argparse
import json
import pathlib
import subprocess

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument("recipes", nargs="*")
parser.add_argument("--target", default="h100")
parser.add_argument("--trompe", default=".build/release/trompe")
parser.add_argument("--stand-ins", type=pathlib.Path)
options = parser.parse_args()


def stand_ins(folder):
    import torch
    import torchvision
    from PIL import Image

    torch.manual_seed(0)
    for name in ["vgg19", "resnet50", "densenet121"]:
        if not (folder / f"{name}.pth").exists():
            folder.mkdir(parents=True, exist_ok=True)
            torch.save(torchvision.models.get_model(name).state_dict(), folder / f"{name}.pth")
    for split in ["train", "val"]:
        for label in range(1000):
            image = folder / split / f"{label:03}" / "image.png"
            image.parent.mkdir(parents=True, exist_ok=True)
            if not image.exists():
                Image.new("RGB", (256, 256), (label % 256, 100, 100)).save(image)


def settings(recipe):
    if options.stand_ins is None or "published" not in recipe:
        return []
    network = pathlib.Path(recipe).name.split("-")[0]
    values = {
        "network.checkpoint": f"{network}.pth", "data.train": "train", "data.validation": "val",
    }
    return [
        f"--set={key}={(options.stand_ins / value).resolve()}" for key, value in values.items()]


if options.stand_ins:
    stand_ins(options.stand_ins)

recipes = options.recipes or sorted(
    str(path) for folder in ["recipes", "recipes/published"]
    for path in pathlib.Path(folder).glob("*.yaml") if not path.name.endswith(".base.yaml"))
left = []
print("| recipe | images | memory, MB | of it temporary | cuDNN | cuBLAS | seconds to compile |")
print("|---|---|---|---|---|---|---|")
for recipe in recipes:
    done = subprocess.run(
        [options.trompe, "recipe", "check", recipe, "--target", options.target, "--json"]
        + settings(recipe),
        capture_output=True, text=True)
    name = recipe.removeprefix("recipes/").removesuffix(".yaml")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        left.append((name, lines[-1]))
        continue
    steps = [p for p in json.loads(done.stdout)["programs"] if p["isTrainingStep"]]
    if not steps:
        left.append((name, "has no training step"))
    for step in steps:
        calls = [
            sum(n for call, n in step["libraryCalls"].items() if call.startswith(f"__{library}$"))
            for library in ["cudnn", "cublas"]]
        print(
            f"| `{name}` | {step['batchSize']} | {step['bytes'] / 1e6:.0f} | "
            f"{step['temporaryBytes'] / 1e6:.0f} | {calls[0]} | {calls[1]} | {step['seconds']:.1f} |",
            flush=True)
for name, reason in left:
    print(f"\n{name}: {reason}")
