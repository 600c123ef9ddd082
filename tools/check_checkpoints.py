"""Checks that the logits computed from Keras's and PyTorch's own files are theirs, and that both
accept what `trompe convert` writes.

Not a part of the build. In a throw-away environment with keras, torch, torchvision, h5py, pillow and
safetensors, from the root of the repository:

    swift build -c release --product trompe
    KERAS_BACKEND=torch python3 tools/check_checkpoints.py

Weights and batch-norm statistics are drawn at random from a fixed seed; `--weights imagenet` takes the
published ones instead (they are downloaded by Keras and torchvision). `--only NAME` is one network,
`--part read` compares logits and converts nothing.

Images are the first photograph of each of the first four folders below `--photographs`. "read" lines
give the files to `trompe explain`, which decodes, resizes and normalises the photographs itself;
Keras and torchvision get them by way of Pillow and the network's own preprocess_input. Every line
says how far the logits before the softmax are from the original's: the largest difference of an
image relative to the largest of its logits, of the worst image. "apart" is the same measure between
logits of the first two photographs, which shows what the comparison can see.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile

os.environ.setdefault("KERAS_BACKEND", "torch")

import h5py
import keras
import numpy as np
import torch
import torchvision
from keras.src.legacy.saving import legacy_h5_format
from PIL import Image
from safetensors.torch import load_file, save_file

arguments = argparse.ArgumentParser()
arguments.add_argument("--trompe", default=".build/release/trompe")
arguments.add_argument("--weights", choices=["random", "imagenet"], default="random")
arguments.add_argument("--photographs", type=pathlib.Path, default="../shared/data/imagenette/val")
arguments.add_argument("--part", choices=["read", "convert"])
arguments.add_argument("--only", help="one network")
arguments = arguments.parse_args()

SIDE = 224
READ_TOLERANCE = 1e-4
CONVERSION_TOLERANCE = 1e-5
folders = sorted(path for path in arguments.photographs.iterdir() if path.is_dir())[:4]
photographs = [sorted(folder.iterdir())[0] for folder in folders]
assert len(photographs) == 4, f"{arguments.photographs} has fewer than four folders of photographs"
pixels = np.stack([
    np.asarray(Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    for path in photographs
]).astype("f4")
failures = []


def convert(source, target, layout):
    result = subprocess.run(
        [arguments.trompe, "convert", source, target, "--layout", layout, "--force"],
        capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return target


def distance(found, expected):
    """Of the worst image."""
    return (np.abs(found - expected).max(axis=1) / np.abs(expected).max(axis=1)).max()


def report(what, found, expected, tolerance=CONVERSION_TOLERANCE):
    difference = distance(found, expected)
    print(f"{what:60} {difference:.1e}", flush=True)
    if not difference <= tolerance:
        failures.append(what)


def read(what, file, expected, style=None):
    """Logits by `trompe explain`, straight from the file and the photographs."""
    with tempfile.TemporaryDirectory() as output:
        command = [
            arguments.trompe, "explain", file, *map(str, photographs), "--output", output, "--raw",
            "--json", "--quiet", "--resize", f"[{SIDE}, {SIDE}]",
        ]
        if style:
            command += ["--set", f"network.preprocessing.style={style}"]
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        logits = np.stack([
            np.load(path) for image in json.loads(result.stdout) for path in image["files"]
            if path.endswith(".logits.npy")
        ])
    report(f"{what} -> Trompe", logits, expected, READ_TOLERANCE)


def read_state_dict(path):
    if path.endswith(".safetensors"):
        return load_file(path)
    if path.endswith(".pth"):
        return torch.load(path, weights_only=True)
    with h5py.File(path) as file:
        return {name: torch.as_tensor(file[name][()]) for name in file}


def write_state_dict(module, path):
    if path.endswith(".safetensors"):
        save_file(module.state_dict(), path, metadata={"format": "pt"})
        return path
    if path.endswith(".pth"):
        torch.save(
            module.state_dict(), path,
            _use_new_zipfile_serialization=not path.endswith("-old.pth"))
        return path
    with h5py.File(path, "w") as file:
        for name, tensor in module.state_dict().items():
            file[name] = tensor.numpy()
    return path


def save_keras(model, path, layout):
    if layout == "keras3":
        model.save_weights(path)
    elif layout in ("keras2-model", "keras"):
        model.save(path, include_optimizer=False)
    else:
        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return path


def randomized(model):
    """Statistics and biases that are not zero, so that a wrong order would show."""
    if arguments.weights == "imagenet":
        return model
    random = np.random.RandomState(0)
    for layer in model.layers:
        arrays = []
        for array, variable in zip(layer.get_weights(), layer.weights):
            name = variable.name
            if name in ("gamma", "moving_variance"):
                array = random.uniform(0.5, 1.5, array.shape).astype("f4")
            elif array.ndim == 1:
                array = (0.1 * random.randn(*array.shape)).astype("f4")
            arrays.append(array)
        if arrays:
            layer.set_weights(arrays)
    return model


def keras_logits(model, images):
    """Before the softmax, which would hide differences."""
    inner = keras.Model(model.input, model.output)
    last = inner.layers[-1]
    activation, last.activation = last.activation, keras.activations.linear
    logits = inner.predict(images, verbose=0)
    last.activation = activation
    return logits


EXTENSIONS = {
    "keras2": ".h5", "keras2-model": "-model.h5", "keras3": ".weights.h5", "keras": ".keras",
}


def check_keras(name, module, style, folder):
    build = getattr(keras.applications, name)
    weights = None if arguments.weights == "random" else "imagenet"
    keras.utils.set_random_seed(0)  # of each network, so that one alone has the same weights
    model = randomized(build(weights=weights))
    images = getattr(keras.applications, module).preprocess_input(pixels.copy())
    expected = keras_logits(model, images)
    print(f"{name}: apart {distance(expected[:1], expected[1:2]):.1e}", flush=True)
    files = {
        layout: save_keras(model, f"{folder}/{name}{extension}", layout)
        for layout, extension in EXTENSIONS.items()
    }
    if arguments.part in (None, "read"):
        for layout, file in files.items():
            read(f"{name}: {layout}", file, expected, style)
    if arguments.part == "read":
        return
    for source, file in files.items():
        for target, extension in EXTENSIONS.items():
            if target == source != "keras3":
                continue  # The way back is checked from keras3.
            output = convert(file, f"{folder}/out{extension}", target)
            if target in ("keras2-model", "keras"):
                other = keras.models.load_model(output, compile=False)
            else:
                other = build(weights=None)
                other.load_weights(output)
            report(
                f"{name}: {source} -> {target} -> Keras", keras_logits(other, images), expected)


def check_torch(name, folder):
    build = getattr(torchvision.models, name)
    torch.manual_seed(0)
    module = build(weights=None if arguments.weights == "random" else "DEFAULT").eval()
    if arguments.weights == "random":
        for part in module.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                for tensor in (part.weight.data, part.running_var):
                    tensor.uniform_(0.5, 1.5)
                for tensor in (part.bias.data, part.running_mean):
                    tensor.normal_(0, 0.1)
    images = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    images = images.astype("f4")
    input = torch.as_tensor(images).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = module(input).numpy()
    print(f"{name}: apart {distance(expected[:1], expected[1:2]):.1e}", flush=True)

    def check(what, path):
        other = build(weights=None).eval()
        other.load_state_dict(read_state_dict(path))
        with torch.no_grad():
            report(what, other(input).numpy(), expected)

    torch_file = write_state_dict(module, f"{folder}/{name}.h5")
    safe_file = write_state_dict(module, f"{folder}/{name}.safetensors")
    own_file = write_state_dict(module, f"{folder}/{name}.pth")
    if arguments.part in (None, "read"):
        read(f"{name}: torch", torch_file, expected)
        read(f"{name}: safetensors", safe_file, expected)
        read(f"{name}: pth", own_file, expected)
        read(f"{name}: pth before PyTorch 1.6",
             write_state_dict(module, f"{folder}/{name}-old.pth"), expected)
    if arguments.part == "read":
        return
    check(f"{name}: torch -> safetensors -> PyTorch",
          convert(torch_file, f"{folder}/out.safetensors", "safetensors"))
    check(f"{name}: safetensors -> torch -> PyTorch",
          convert(safe_file, f"{folder}/out.h5", "torch"))
    check(f"{name}: pth -> safetensors -> PyTorch",
          convert(own_file, f"{folder}/out.safetensors", "safetensors"))
    check(f"{name}: safetensors -> pth -> PyTorch",
          convert(safe_file, f"{folder}/out.pth", "pth"))
    model_file = convert(safe_file, f"{folder}/out-model.h5", "keras2-model")
    report(f"{name}: safetensors -> keras2-model -> Keras",
           keras_logits(keras.models.load_model(model_file, compile=False), images), expected)
    if name in ("vgg16", "vgg19"):
        weights = convert(torch_file, f"{folder}/out.weights.h5", "keras3")
        model = getattr(keras.applications, name.upper())(weights=None)
        model.load_weights(weights)
        report(f"{name}: torch -> keras3 -> Keras", keras_logits(model, images), expected)
        check(f"{name}: torch -> keras3 -> torch -> PyTorch",
              convert(weights, f"{folder}/back.h5", "torch"))


# The module with the network's preprocess_input, and that by its name in recipes.
KERAS = {
    "VGG16": ("vgg16", "caffe"), "VGG19": ("vgg19", "caffe"), "ResNet50": ("resnet", "caffe"),
    "ResNet101": ("resnet", "caffe"), "DenseNet121": ("densenet", "torch"),
}
TORCH = ["vgg16", "vgg19", "vgg16_bn", "resnet18", "resnet50", "resnet101", "densenet121"]

for name, (module, style) in KERAS.items():
    if arguments.only in (None, name):
        with tempfile.TemporaryDirectory() as folder:
            check_keras(name, module, style, folder)
for name in TORCH:
    if arguments.only in (None, name):
        with tempfile.TemporaryDirectory() as folder:
            check_torch(name, folder)
print("failed: " + ", ".join(failures) if failures else "all agree")
raise SystemExit(bool(failures))
