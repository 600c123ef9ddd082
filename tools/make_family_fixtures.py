"""Logits of PyTorch's networks with seeded weights on one synthetic image each.

    pip install torch torchvision numpy efficientnet-lite-pytorch
    python tools/make_family_fixtures.py --output Tests

Writes NetworksTests/Fixtures/torch-families.json, logits, and
ExplanationsTests/Fixtures/torch-families.json, for some of them heatmaps of two images and the gradient
of cross-entropy + 2 * Location(Grad-CAM) by double backward. These are `u` of "images-0" or another
number below CANDIDATES: that whose inputs of ReLU and ReLU6 stay farthest from where their slope jumps,
since on which side of it float32 falls is up to the order of its sums. Weights and image are functions
of names and positions, as in tools/make_comparison_fixtures.py; in addition factors and summands of layer norms are those of batch
norms, and a layer scale is 0.3 +- 0.2. The image is `u` of "image", [height, width, 3]. Everything is
computed in float64, with 10 classes.

torchvision's networks are its own. EfficientNet-Lite0 is that of efficientnet-lite-pytorch, made for the
image's size. The CIFAR networks are written here after kuangliu/pytorch-cifar and
xternalz/WideResNet-pytorch, with their names.
"""

import argparse
import json
import math
import pathlib
import platform
from collections import OrderedDict

import numpy
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

CLASSES = 10


def uniform(name, count):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) % 2**64
    with numpy.errstate(over="ignore"):
        z = numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        z += numpy.uint64(h)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z ^= z >> numpy.uint64(31)
    return (z >> numpy.uint64(40)).astype(numpy.float32) * numpy.float32(2**-23) - numpy.float32(1)


def values(name, shape, center, bound):
    u = uniform(name, math.prod(shape))
    return (numpy.float32(center) + numpy.float32(bound) * u).reshape(shape)


def seed(network):
    for path, module in network.named_modules():
        for suffix, tensor in list(module._parameters.items()) + list(module._buffers.items()):
            if tensor is None or suffix == "num_batches_tracked":
                continue
            name, shape = f"{path}.{suffix}" if path else suffix, tuple(tensor.shape)
            if suffix == "layer_scale":
                new = values(name, shape[:1], 0.3, 0.2).reshape(shape)
            elif suffix == "running_var":
                new = values(name, shape, 1, 0.2)
            elif suffix in ("bias", "running_mean"):
                new = values(name, shape, 0, 0.1)
            elif len(shape) == 1:
                new = values(name, shape, 0.8, 0.2)
            elif len(shape) == 4:
                graph = (shape[0], shape[2], shape[3], shape[1])
                new = values(name, graph, 0, math.sqrt(6 / math.prod(graph[1:])))
                new = numpy.ascontiguousarray(new.transpose(0, 3, 1, 2))
            else:
                new = values(name, shape, 0, math.sqrt(6 / shape[1]))
            tensor.data = torch.from_numpy(new)


class Basic(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class CIFARResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for stage in range(4):
            width, blocks = 64 << stage, []
            for index in range(2):
                blocks.append(Basic(inputs, width, 2 if stage > 0 and index == 0 else 1))
                inputs = width
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.linear = nn.Linear(512, CLASSES)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.linear(F.avg_pool2d(x, 4).flatten(1))


class WideBlock(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.convShortcut = None if inputs == width else nn.Conv2d(
            inputs, width, 1, stride, 0, bias=False)

    def forward(self, x):
        first = F.relu(self.bn1(x))
        if self.convShortcut is not None:
            x = self.convShortcut(first)
        return x + self.conv2(F.relu(self.bn2(self.conv1(first))))


class WideResNet(nn.Module):
    def __init__(self, depth, widening):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        inputs = 16
        for stage in range(3):
            width, blocks = (16 << stage) * widening, []
            for index in range((depth - 4) // 6):
                blocks.append(WideBlock(inputs, width, 2 if stage > 0 and index == 0 else 1))
                inputs = width
            setattr(self, f"block{stage + 1}",
                    nn.Sequential(OrderedDict(layer=nn.Sequential(*blocks))))
        self.bn1 = nn.BatchNorm2d(inputs)
        self.fc = nn.Linear(inputs, CLASSES)

    def forward(self, x):
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(F.avg_pool2d(F.relu(self.bn1(x)), 8).flatten(1))


def lite0(side):
    from efficientnet_lite_pytorch import EfficientNet
    return EfficientNet.from_name(
        "efficientnet-lite0", num_classes=CLASSES, image_size=side)


def torchvision_network(name):
    return lambda side: getattr(torchvision.models, name)(weights=None, num_classes=CLASSES)


NETWORKS = {
    "alexnet": (torchvision_network("alexnet"), 96),
    "squeezenet1-0": (torchvision_network("squeezenet1_0"), 70),
    "squeezenet1-1": (torchvision_network("squeezenet1_1"), 64),
    "resnext50-32x4d": (torchvision_network("resnext50_32x4d"), 64),
    "wide-resnet50-2": (torchvision_network("wide_resnet50_2"), 64),
    "mobilenet-v2": (torchvision_network("mobilenet_v2"), 64),
    "mobilenet-v3-large": (torchvision_network("mobilenet_v3_large"), 64),
    "mobilenet-v3-small": (torchvision_network("mobilenet_v3_small"), 64),
    "efficientnet-b0": (torchvision_network("efficientnet_b0"), 64),
    "efficientnet-b1": (torchvision_network("efficientnet_b1"), 64),
    "efficientnet-b2": (torchvision_network("efficientnet_b2"), 64),
    "efficientnet-lite0": (lite0, 64),
    "convnext-tiny": (torchvision_network("convnext_tiny"), 64),
    "cifar-resnet18": (lambda side: CIFARResNet18(), 32),
    "wide-resnet28-10": (lambda side: WideResNet(28, 10), 32),
    "wide-resnet16-4": (lambda side: WideResNet(16, 4), 32),
}


EXPLAINED = {
    "mobilenet-v2": ("features.13", 64), "efficientnet-lite0": ("_blocks.10", 64),
    "convnext-tiny": ("features.5", 96), "efficientnet-b0": ("features.5", 96),
}
PENALTY_WEIGHT = 2.0
ENTRIES = 6
CANDIDATES = 64


def in_our_order(tensor):
    """Filters [K, C, R, S] as [K, R, S, C]."""
    return tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor


def summary(tensor):
    flat = in_our_order(tensor.detach()).flatten()
    count = min(ENTRIES, flat.numel())
    places = [k * (flat.numel() - 1) // max(count - 1, 1) for k in range(count)]
    return {"l2": flat.norm().item(), "entries": flat[places].tolist()}


def images_of(name, side):
    images = uniform(name, 2 * side * side * 3).reshape(2, side, side, 3)
    return torch.from_numpy(images.transpose(0, 3, 1, 2)).double()


def distance_to_a_kink(network, x):
    """The least distance of an input of ReLU or ReLU6 to 0 or 6; infinite without any of them."""
    distances, handles = [math.inf], []

    def measure(module, inputs):
        distances.append(inputs[0].abs().min().item())
        if isinstance(module, nn.ReLU6):
            distances.append((inputs[0] - 6).abs().min().item())

    for module in network.modules():
        if isinstance(module, (nn.ReLU, nn.ReLU6)):
            handles.append(module.register_forward_pre_hook(measure))
    with torch.no_grad():
        network(x)
    for handle in handles:
        handle.remove()
    return min(distances)


def explained(family):
    layer, side = EXPLAINED[family]
    network = NETWORKS[family][0](side).eval()
    seed(network)
    network = network.double()
    has_kinks = any(isinstance(module, (nn.ReLU, nn.ReLU6)) for module in network.modules())
    names = [f"images-{number}" for number in range(CANDIDATES if has_kinks else 1)]
    distances = [distance_to_a_kink(network, images_of(name, side)) for name in names]
    name = names[numpy.argmax(distances)]
    x = images_of(name, side).requires_grad_()
    kept = []
    network.get_submodule(layer).register_forward_hook(
        lambda module, inputs, output: kept.append(output))
    logits = network(x)

    def evidence_of(labels):
        score = logits.gather(1, labels[:, None]).sum()
        gradient = torch.autograd.grad(score, kept[0], retain_graph=True)[0]
        return (gradient.mean((2, 3), keepdim=True) * kept[0]).sum(1).amax((1, 2))

    # The first classes that have positive evidence somewhere.
    found = torch.stack([evidence_of(torch.tensor([c, c])) for c in range(CLASSES)]) > 0
    labels = found.int().argmax(0)
    score = logits.gather(1, labels[:, None]).sum()
    gradient, of_image = torch.autograd.grad(score, [kept[0], x], create_graph=True)
    evidence = F.relu((gradient.mean((2, 3), keepdim=True) * kept[0]).sum(1))
    heatmaps = evidence / (evidence.amax((1, 2), keepdim=True) + 1e-8)
    assert (heatmaps.amax((1, 2)) > 0.99).all(), "a heatmap without positive pixels"
    mask = torch.ones_like(heatmaps[0])
    mask[1:-1, 1:-1] = 0  # a frame of one seventh, at least one pixel
    penalty = (heatmaps - mask).square().mean()
    loss = F.cross_entropy(logits, labels) + PENALTY_WEIGHT * penalty
    parameters = dict(network.named_parameters())
    derivatives = torch.autograd.grad(loss, list(parameters.values()))
    simple = of_image.abs().sum(1)
    simple = simple / simple.sum((1, 2), keepdim=True)
    print(family, layer, list(heatmaps.shape), loss.item(), name, max(distances), flush=True)
    return {
        "family": family, "side": side, "images": name, "layer": layer, "labels": labels.tolist(), "loss": loss.item(),
        "penalty": penalty.item(), "gradCAM": heatmaps.detach().flatten().tolist(),
        "simpleGrad": summary(simple),
        "gradients": {
            name: summary(value.flatten() if name.endswith("layer_scale") else value)
            for name, value in zip(parameters, derivatives)
        },
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=pathlib.Path, required=True)
    options = parser.parse_args()
    networks = []
    for family, (make, side) in NETWORKS.items():
        network = make(side).eval()
        seed(network)
        image = uniform("image", side * side * 3).reshape(1, side, side, 3)
        with torch.no_grad():
            logits = network.double()(torch.from_numpy(image.transpose(0, 3, 1, 2)).double())[0]
        print(family, logits.abs().max().item(), flush=True)
        networks.append({
            "family": family, "side": side,
            "parameters": sum(p.numel() for p in network.parameters()),
            "logits": logits.tolist(),
        })
    origin = {
        "script": "tools/make_family_fixtures.py", "torch": torch.__version__,
        "torchvision": torchvision.__version__, "numpy": numpy.__version__,
        "python": platform.python_version(), "arithmetic": "float64",
    }
    content = {"origin": origin, "classes": CLASSES, "networks": networks}
    file = "Fixtures/torch-families.json"
    (options.output / "NetworksTests" / file).write_text(json.dumps(content, indent=0) + "\n")
    content = {
        "origin": origin, "classes": CLASSES, "lambda": PENALTY_WEIGHT,
        "networks": [explained(family) for family in EXPLAINED],
    }
    (options.output / "ExplanationsTests" / file).write_text(
        json.dumps(content, separators=(",", ":")).replace("},", "},\n") + "\n")


if __name__ == "__main__":
    main()
