"""Checks logits, Grad-CAM and SimpleGrad of networks against PyTorch's and Keras's autograd, and the
logits of every layout that `trompe convert` writes.

Not a part of the build. In a throw-away environment with keras, torch, torchvision, h5py, pillow,
safetensors and efficientnet-lite-pytorch, from the root of the repository:

    swift build -c release --product trompe
    KERAS_BACKEND=torch python3 tools/check_networks.py [NETWORK ...]

Networks have seeded random weights and 10 classes. Each file is given to `trompe explain` with four
photographs (the first of each of the first four folders below `--photographs`), which are decoded,
resized and normalised there. A line for each network: the largest difference of logits, relative to
the largest logit of the image; of Grad-CAM at a target layer, maps in [0, 1]; the norm of the
difference of SimpleGrad at the input, relative to the map's; each of the worst image, for the
class by which the most of the four Grad-CAM maps are not 0. PyTorch and Keras compute in float64. The
gradient jumps where a ReLU's input changes its sign by rounding: beside the heatmaps stands how far their
own float32 is from their float64, and how far float64 is from itself when the output of every layer is
disturbed by 2^-22 of it, the most of four times; twice the larger is allowed where that is above 1e-3.
Then for each layout the difference of logits, or why the network is not written so.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import make_family_fixtures as families

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("network", nargs="*")
parser.add_argument("--trompe", default=".build/release/trompe")
parser.add_argument("--photographs", type=pathlib.Path, default="../shared/data/imagenette/val")
parser.add_argument("--side", type=int, default=224, help="of the images, but CIFAR's networks")
parser.add_argument("--without-layouts", action="store_true")
parser.add_argument(
    "--kernels", default="own", help="own or onednn: Winograd's algorithms round more, and cross more kinks")
arguments = parser.parse_args()

CLASSES = 10
LOGITS, HEATMAPS = 1e-4, 1e-3
MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
LAYOUTS = {
    "trompe": ".h5", "torch": "-torch.h5", "safetensors": ".safetensors", "pth": ".pth",
    "keras2": "-keras2.h5", "keras2-model": "-model.h5", "keras3": ".weights.h5", "keras": ".keras",
}
folders = sorted(path for path in arguments.photographs.iterdir() if path.is_dir())[:4]
photographs = [sorted(folder.iterdir())[0] for folder in folders]
failures = []


def pixels(side):
    return np.stack([
        np.asarray(Image.open(path).convert("RGB").resize((side, side), Image.Resampling.BILINEAR))
        for path in photographs
    ]).astype("f8")


def run(*command):
    return subprocess.run([arguments.trompe, *command], capture_output=True, text=True)


def explain(file, side, preprocessing, layer=None, label=0):
    """(logits, Grad-CAM, SimpleGrad), the maps None without a layer."""
    interpreters = [
        "--class", str(label), "--interpreter", f"grad-cam@{layer}", "--interpreter",
        "simple-grad",
    ]
    with tempfile.TemporaryDirectory() as output:
        result = run(
            "explain", file, *map(str, photographs), "--output", output, "--raw", "--json", "--quiet",
            "--set", f"compute.kernels={arguments.kernels}",
            "--resize", f"[{side}, {side}]", *(interpreters if layer else []),
            *(["--preprocessing", preprocessing] if preprocessing else []))
        if result.returncode:
            raise RuntimeError(result.stderr.strip().splitlines()[-1])

        def read(ending):
            return np.stack([
                np.load(path) for image in json.loads(result.stdout) for path in image["files"]
                if path.endswith(ending)
            ])
        logits = read(".logits.npy").reshape(4, -1)
        return (logits, read(".grad-cam.npy"), read(".simple-grad.npy")) if layer else (
            logits, None, None)


def distance(found, expected, axes):
    scale = np.abs(expected).max(axis=axes)
    return (np.abs(found - expected).max(axis=axes) / np.where(scale > 0, scale, 1)).max()


def norm_distance(found, expected):
    difference = ((found - expected) ** 2).sum((1, 2)) ** 0.5
    return (difference / (expected**2).sum((1, 2)) ** 0.5).max()


def rounding_of(others, expected):
    """Of Grad-CAM and of SimpleGrad, how far others are that explain the same class; 0 of another class."""
    same = [other if other[1] == expected[1] else expected for other in others]
    return (
        [np.abs(other[2] - expected[2]).max() for other in same],
        [norm_distance(other[3], expected[3]) for other in same])


def compare(name, file, side, layer, expected, preprocessing, folder, rounding):
    logits, label, cam, simple = expected
    try:
        found = explain(file, side, preprocessing, layer, label)
    except RuntimeError as error:
        print(f"{name}: FAILED {error}", flush=True)
        failures.append(name)
        return
    errors = [
        distance(found[0], logits, 1), np.abs(found[1] - cam).max(),
        norm_distance(found[2], simple),
    ]
    own = [f"(their float32 {part[0]:.1e}, disturbed {max(part[1:]):.1e})" for part in rounding]
    zero = sum(map_.max() == 0 for map_ in cam)
    print(
        f"{name:22} logits {errors[0]:.1e}  Grad-CAM@{layer} {errors[1]:.1e} {own[0]}  "
        f"SimpleGrad {errors[2]:.1e} {own[1]}" + (f"  ({zero} maps of 4 are 0)" if zero else ""), flush=True)
    bounds = [LOGITS, *(max(HEATMAPS, 2 * max(part)) for part in rounding)]
    if not all(error <= bound for error, bound in zip(errors, bounds)):
        failures.append(name)
    if arguments.without_layouts:
        return
    texts, refusals = [], []
    for layout, extension in LAYOUTS.items():
        target = f"{folder}/out{extension}"
        result = run("convert", file, target, "--layout", layout, "--force")
        if result.returncode:
            texts.append(f"{layout} -")
            refusals.append(f"    {layout}: {result.stderr.strip().splitlines()[-1]}")
            continue
        try:
            error = distance(explain(target, side, preprocessing)[0], logits, 1)
        except RuntimeError as problem:
            error = float("nan")
            refusals.append(f"    {layout} FAILED: {problem}")
        texts.append(f"{layout} {error:.1e}")
        if not error <= LOGITS:
            failures.append(f"{name} as {layout}")
        os.remove(target)
    print("    " + "  ".join(texts), *refusals, sep="\n", flush=True)


def heatmaps(logits, activation, image, channels=1):
    """The class, Grad-CAM and SimpleGrad of it."""
    pixels = (1, 2) if channels == 3 else (2, 3)

    def evidence(label):
        gradient = torch.autograd.grad(logits[:, label].sum(), activation, retain_graph=True)[0]
        return torch.relu((gradient.mean(pixels, keepdim=True) * activation).sum(channels))

    maps = [evidence(label) for label in range(CLASSES)]
    label = max(range(CLASSES), key=lambda c: int((maps[c].amax((1, 2)) > 0).sum()))
    cam = maps[label] / (maps[label].amax((1, 2), keepdim=True) + 1e-8)
    simple = torch.autograd.grad(logits[:, label].sum(), image)[0].abs().sum(channels)
    simple = simple / (simple.sum((1, 2), keepdim=True) + 1e-12)
    return label, cam.detach().numpy(), simple.detach().numpy()


# MARK: PyTorch


def randomise(module):
    """Weights as in the fixtures, statistics of the photographs, so that nothing grows or dies."""
    families.seed(module)
    return module.eval()


def disturbed(module, explained):
    """Results with the output of every layer disturbed by a rounding of float32, four times."""
    generator = torch.Generator().manual_seed(0)

    def disturb(_, inputs, output):
        return output * (1 + 2**-22 * torch.randn(output.shape, generator=generator, dtype=output.dtype))
    layers = [layer for layer in module.modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(disturb) for layer in layers]
    results = [explained() for _ in range(4)]
    for hook in hooks:
        hook.remove()
    return results


def check_torch(name, module, layer, side, rename=None, file_layout=".pth"):
    module = randomise(module)
    x = (pixels(side) / 255 - MEAN) / DEVIATION
    x = torch.as_tensor(x).permute(0, 3, 1, 2).requires_grad_()
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/native{file_layout}"
        state = {(rename(k) if rename else k): v.clone() for k, v in module.state_dict().items()}
        if file_layout == ".pth":
            torch.save(state, file)
        else:
            save_file(state, file)
        kept = []
        module.get_submodule(layer).register_forward_hook(
            lambda _, inputs, output: kept.append(output))

        def explained(x):
            logits = module(x)
            return (logits.detach().numpy(), *heatmaps(logits, kept.pop(), x))
        single = explained(x.detach().float().requires_grad_())
        module = module.double()
        expected = explained(x)
        others = [single, *disturbed(module, lambda: explained(x))]
        rounding = rounding_of(others, expected)
        style = f"{{mean: {MEAN}, standardDeviation: {DEVIATION}}}"
        compare(name, file, side, layer, expected, style, folder, rounding)


def hugging_face(name):
    parts = name.split(".")
    end = parts[-1]
    if parts[0] in ("conv1", "bn1"):
        kind = "convolution" if parts[0] == "conv1" else "normalization"
        return f"resnet.embedder.embedder.{kind}.{end}"
    if parts[0] == "fc":
        return f"classifier.1.{end}"
    place = f"resnet.encoder.stages.{int(parts[0][5:]) - 1}.layers.{parts[1]}."
    if parts[2] == "downsample":
        return place + "shortcut." + ("convolution." if parts[3] == "0" else "normalization.") + end
    kind = "convolution" if parts[2].startswith("conv") else "normalization"
    return place + f"layer.{int(parts[2][-1]) - 1}.{kind}.{end}"


def torchvision_network(name, **options):
    return lambda: getattr(torchvision.models, name)(num_classes=CLASSES, **options)


def vgg(hidden):
    module = torchvision.models.vgg16(num_classes=CLASSES)
    layers, width = [], 512 * 7 * 7
    for count in hidden:
        layers += [torch.nn.Linear(width, count), torch.nn.ReLU()]
        width = count
    module.classifier = torch.nn.Sequential(*layers, torch.nn.Linear(width, CLASSES))
    return module


S = arguments.side
TORCH = {
    "alexnet": (torchvision_network("alexnet"), "features.7", S),
    "squeezenet1_0": (torchvision_network("squeezenet1_0"), "features.9", S),
    "squeezenet1_1": (torchvision_network("squeezenet1_1"), "features.9", S),
    "resnext50_32x4d": (torchvision_network("resnext50_32x4d"), "layer3", S),
    "wide_resnet50_2": (torchvision_network("wide_resnet50_2"), "layer3", S),
    "mobilenet_v2": (torchvision_network("mobilenet_v2"), "features.13", S),
    "mobilenet_v3_large": (torchvision_network("mobilenet_v3_large"), "features.12", S),
    "mobilenet_v3_small": (torchvision_network("mobilenet_v3_small"), "features.8", S),
    "efficientnet_b0": (torchvision_network("efficientnet_b0"), "features.5", S),
    "efficientnet_b1": (torchvision_network("efficientnet_b1"), "features.5", S),
    "efficientnet_b2": (torchvision_network("efficientnet_b2"), "features.5", S),
    "efficientnet-lite0": (lambda: families.lite0(S), "_blocks.10", S),
    "convnext_tiny": (torchvision_network("convnext_tiny"), "features.5", S),
    "cifar-resnet18": (families.CIFARResNet18, "layer3", 32),
    "wide-resnet28-10": (lambda: families.WideResNet(28, 10), "block2", 32),
    "vgg16, one dense layer": (lambda: vgg([]), "features.22", S),
    "vgg16, three": (lambda: vgg([64, 32]), "features.22", S),
    "resnet18, Hugging Face": (
        torchvision_network("resnet18"), "layer3", S, hugging_face, ".safetensors"),
    "resnet50, Hugging Face": (
        torchvision_network("resnet50"), "layer3", S, hugging_face, ".safetensors"),
}

# MARK: Keras

KERAS = {
    "MobileNet": ("conv_pw_11_relu", "tf"), "MobileNetV2": ("block_13_expand_relu", "tf"),
    "EfficientNetB0": ("block6a_expand_activation", None),
    "Xception": ("block13_sepconv2_act", "tf"), "InceptionV3": ("mixed8", "tf"),
    "ResNet50V2": ("conv4_block6_out", "tf"),
}


def check_keras(name, layer, style, ending):
    import keras

    def built(precision):
        keras.config.set_dtype_policy(precision)
        keras.utils.set_random_seed(0)
        return getattr(keras.applications, name)(
            weights=None, classes=CLASSES, input_shape=(S, S, 3), classifier_activation=None)

    exact, model = built("float64"), built("float32")
    random = np.random.RandomState(0)
    for part, other in zip(model.layers, exact.layers):
        arrays = []
        for array, variable in zip(part.get_weights(), part.weights):
            if variable.name in ("gamma", "moving_variance", "variance"):
                array = random.uniform(0.5, 1.5, array.shape).astype("f4")
            elif array.ndim == 1:
                array = (0.1 * random.randn(*array.shape)).astype("f4")
            arrays.append(array)
        if arrays:
            part.set_weights(arrays)
            other.set_weights(arrays)
    x = pixels(S) if style is None else pixels(S) / 127.5 - 1
    generator = torch.Generator().manual_seed(0)

    def explained(network, disturbs=False):
        image = torch.as_tensor(x.astype(network.compute_dtype)).requires_grad_()
        values = {}
        for step in network.layers:
            # A layer of these applications is called once, with what its inbound node names.
            node = step._inbound_nodes[0]
            if node.is_input:
                output = image
            else:
                given = [values[id(tensor)] for tensor in node.input_tensors]
                output = step(given if len(given) > 1 else given[0], training=False)
            if disturbs and not node.is_input:
                output = output * (
                    1 + 2**-22 * torch.randn(output.shape, generator=generator, dtype=output.dtype))
            values[id(node.output_tensors[0])] = output
        logits, activation = (
            values[id(tensor)] for tensor in (network.output, network.get_layer(layer).output))
        return (logits.detach().numpy(), *heatmaps(logits, activation, image, channels=3))

    expected = explained(exact)
    others = [explained(model), *(explained(exact, disturbs=True) for _ in range(4))]
    rounding = rounding_of(others, expected)
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/native{ending}"
        model.save(file)
        compare(f"{name} {ending}", file, S, layer, expected, style, folder, rounding)


chosen = arguments.network
for name, values in TORCH.items():
    if not chosen or name in chosen:
        check_torch(name, values[0](), *values[1:])
for name, (layer, style) in KERAS.items():
    if not chosen or name in chosen:
        for ending in (".keras", ".h5"):
            check_keras(name, layer, style, ending)
print("failed: " + ", ".join(failures) if failures else "all agree")
raise SystemExit(bool(failures))
