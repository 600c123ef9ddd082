"""Checks that Keras and PyTorch accept what `trompe convert` writes, and that the logits stay.

Not a part of the build. In a throw-away environment with keras, torch, torchvision, h5py and
safetensors, from the root of the repository:

    swift build -c release --product trompe
    KERAS_BACKEND=torch python3 tools/check_exports.py

Weights are drawn at random; `--weights imagenet` takes the published ones instead (they are
downloaded by Keras and torchvision). Every line says how far the logits are from the original's,
relative to the largest of them.
"""

import argparse
import os
import subprocess
import tempfile

os.environ.setdefault("KERAS_BACKEND", "torch")

import h5py
import keras
import numpy as np
import torch
import torchvision
from keras.src.legacy.saving import legacy_h5_format
from safetensors.torch import load_file, save_file

arguments = argparse.ArgumentParser()
arguments.add_argument("--trompe", default=".build/release/trompe")
arguments.add_argument("--weights", choices=["random", "imagenet"], default="random")
arguments.add_argument("--only", help="one network")
arguments = arguments.parse_args()

TOLERANCE = 1e-5
random = np.random.RandomState(0)
images = random.rand(4, 224, 224, 3).astype("f4") * 2 - 1
failures = []


def convert(source, target, layout):
    result = subprocess.run(
        [arguments.trompe, "convert", source, target, "--layout", layout, "--force"],
        capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return target


def report(what, found, expected):
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    print(f"{what:60} {difference:.1e}", flush=True)
    if not difference <= TOLERANCE:
        failures.append(what)


def read_state_dict(path):
    if path.endswith(".safetensors"):
        return load_file(path)
    with h5py.File(path) as file:
        return {name: torch.as_tensor(file[name][()]) for name in file}


def write_state_dict(module, path):
    if path.endswith(".safetensors"):
        save_file(module.state_dict(), path, metadata={"format": "pt"})
        return path
    with h5py.File(path, "w") as file:
        for name, tensor in module.state_dict().items():
            file[name] = tensor.numpy()
    return path


def save_keras(model, path, layout):
    if layout == "keras3":
        model.save_weights(path)
    elif layout == "keras2-model":
        model.save(path, include_optimizer=False)
    else:
        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return path


def randomized(model):
    """Statistics and biases that are not zero, so that a wrong order would show."""
    if arguments.weights == "imagenet":
        return model
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


def keras_logits(model):
    """Before the softmax, which would hide differences."""
    inner = keras.Model(model.input, model.output)
    last = inner.layers[-1]
    activation, last.activation = last.activation, keras.activations.linear
    logits = inner.predict(images, verbose=0)
    last.activation = activation
    return logits


EXTENSIONS = {"keras2": ".h5", "keras2-model": "-model.h5", "keras3": ".weights.h5"}


def check_keras(name, build, folder):
    weights = None if arguments.weights == "random" else "imagenet"
    model = randomized(build(weights=weights))
    expected = keras_logits(model)
    files = {
        layout: save_keras(model, f"{folder}/{name}{extension}", layout)
        for layout, extension in EXTENSIONS.items()
    }
    for source, file in files.items():
        for target, extension in EXTENSIONS.items():
            if target == source != "keras3":
                continue  # The way back is checked from keras3.
            output = convert(file, f"{folder}/out{extension}", target)
            if target == "keras2-model":
                other = keras.models.load_model(output, compile=False)
            else:
                other = build(weights=None)
                other.load_weights(output)
            report(f"{name}: {source} -> {target} -> Keras", keras_logits(other), expected)


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
    input = torch.as_tensor(images).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = module(input).numpy()

    def check(what, path):
        other = build(weights=None).eval()
        other.load_state_dict(read_state_dict(path))
        with torch.no_grad():
            report(what, other(input).numpy(), expected)

    torch_file = write_state_dict(module, f"{folder}/{name}.h5")
    safe_file = write_state_dict(module, f"{folder}/{name}.safetensors")
    check(f"{name}: torch -> safetensors -> PyTorch",
          convert(torch_file, f"{folder}/out.safetensors", "safetensors"))
    check(f"{name}: safetensors -> torch -> PyTorch",
          convert(safe_file, f"{folder}/out.h5", "torch"))
    model_file = convert(safe_file, f"{folder}/out-model.h5", "keras2-model")
    report(f"{name}: safetensors -> keras2-model -> Keras",
           keras_logits(keras.models.load_model(model_file, compile=False)), expected)
    if name in ("vgg16", "vgg19"):
        weights = convert(torch_file, f"{folder}/out.weights.h5", "keras3")
        model = getattr(keras.applications, name.upper())(weights=None)
        model.load_weights(weights)
        report(f"{name}: torch -> keras3 -> Keras", keras_logits(model), expected)
        check(f"{name}: torch -> keras3 -> torch -> PyTorch",
              convert(weights, f"{folder}/back.h5", "torch"))


KERAS = {
    "VGG16": keras.applications.VGG16, "VGG19": keras.applications.VGG19,
    "ResNet50": keras.applications.ResNet50, "ResNet101": keras.applications.ResNet101,
    "DenseNet121": keras.applications.DenseNet121,
}
TORCH = ["vgg16", "vgg19", "vgg16_bn", "resnet18", "resnet50", "resnet101", "densenet121"]

for name, build in KERAS.items():
    if arguments.only in (None, name):
        with tempfile.TemporaryDirectory() as folder:
            check_keras(name, build, folder)
for name in TORCH:
    if arguments.only in (None, name):
        with tempfile.TemporaryDirectory() as folder:
            check_torch(name, folder)
print("failed: " + ", ".join(failures) if failures else "all agree")
raise SystemExit(bool(failures))
