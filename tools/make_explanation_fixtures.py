"""Expected heatmaps by independent implementations: captum and zennit.

    python tools/make_explanation_fixtures.py --shared ../shared --output Tests

Writes ExplanationsTests/Fixtures/<checkpoint>.json: for 8 validation images the heatmaps of

    captum   Saliency, InputXGradient, IntegratedGradients, DeepLift and, at a target layer,
             LayerGradCam, LayerIntegratedGradients, LayerDeepLift
    zennit   LRP with batch norms merged by its canonizer, by two composites

all in float64. What is done to make definitions agree stands beside each method below; the rest is
the libraries' own. Nothing here is needed to build, test or run Trompe.

Gradients jump where a pre-activation changes its sign and where the winner of a max pooling changes
(in photographs with saturated areas windows are tied exactly), so that no two float32
implementations agree there. The images are the first of each of the first classes whose heatmaps, by
the libraries and in float64, change by less than 2e-4 in each of four random changes of the image by
2e-6.

A heatmap [h, w] is summarised by its L2 norm and `entries`, the values at flat row-major indices
floor(k * (n - 1) / (c - 1)), k = 0 ..< c, c = min(256, n).
"""

import argparse
import copy
import importlib.metadata
import json
import pathlib
import platform

import captum.attr
import captum.attr._core.deep_lift as captum_deep_lift
import torch
import torch.nn.functional as F
import zennit.canonizers
import zennit.composites
import zennit.core
import zennit.layer
import zennit.rules
from torch import nn

import make_network_fixtures
import reference_networks as reference

ENTRIES = 256
STABILIZER = 0.01  # definitions: LRP-composite, dense layers and convolutions alike
SHARE_STABILIZER = 1e-12  # definitions: residual additions
SMALLEST_DIFFERENCE = 1e-7  # definitions: DeepLIFT

TARGET_LAYERS = {
    "resnet20-cifar10": "layer2", "vgg-cifar10": "features.20", "resnet18-imagenette": "layer3",
}
STEPS = {"resnet20-cifar10": 20, "vgg-cifar10": 20, "resnet18-imagenette": 4}
IMAGES = 8
PERTURBATION = 2e-6  # several times the rounding of float32
PERTURBATIONS = 4
LARGEST_CHANGE = 2e-4


# MARK: The networks of modules only, as captum and zennit need them


class Apart(nn.Module):
    """A copy. captum ignores the multiplier of a max pooling that reads the very tensor which a ReLU
    returned: both put their hooks on it, and the ReLU's takes the gradient before it is replaced."""

    def forward(self, x):
        return x.clone()


class Subsample(nn.Module):
    def __init__(self, padding):
        super().__init__()
        self.padding = padding

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.padding, self.padding))


class Block(nn.Module):
    """A residual block of `reference_networks` in which every step is a module used once."""

    def __init__(self, block):
        super().__init__()
        self.conv1, self.bn1, self.relu1 = block.conv1, block.bn1, nn.ReLU()
        self.conv2, self.bn2 = block.conv2, block.bn2
        if getattr(block, "downsample", None) is not None:
            self.shortcut = block.downsample
        elif getattr(block, "resamples", False):
            self.shortcut = Subsample(block.padding)
        else:
            self.shortcut = nn.Identity()
        self.sum, self.relu2 = zennit.layer.Sum(), nn.ReLU()

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        return self.relu2(self.sum(torch.stack([y, self.shortcut(x)], dim=-1)))


class Residual(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.conv1, self.bn1, self.relu = network.conv1, network.bn1, nn.ReLU()
        self.maxpool = nn.Sequential(Apart(), getattr(network, "maxpool", nn.Identity()))
        self.stages = [name for name, _ in network.named_children() if name.startswith("layer")]
        for name in self.stages:
            setattr(self, name, nn.Sequential(*[Block(b) for b in getattr(network, name)]))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = network.linear if hasattr(network, "linear") else network.fc

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for name in self.stages:
            x = getattr(self, name)(x)
        return self.fc(self.avgpool(x).flatten(1))


def modular(network):
    network = copy.deepcopy(network)
    if not isinstance(network, reference.CIFARVGG):
        return Residual(network).eval()
    for name, layer in network.features.named_children():
        if isinstance(layer, nn.MaxPool2d):
            setattr(network.features, name, nn.Sequential(Apart(), layer))
    return network


# MARK: captum


def accumulating_unpool(values, indices, kernel_size, stride, padding, output_size):
    """max_unpool2d keeps one of the values that overlapping windows bring to the same place;
    the multiplier is their sum."""
    result = values.new_zeros(*output_size[:2], output_size[2] * output_size[3])
    result.scatter_add_(2, indices.flatten(2), values.flatten(2))
    return result.view(*output_size)


def accumulating_max_pool(module, inputs, outputs, grad_input, grad_output, eps=1e-10):
    return captum_deep_lift.maxpool(
        module, F.max_pool2d, accumulating_unpool, inputs, outputs, grad_input, grad_output,
        eps=eps)


def channels(attribution):
    return attribution.detach().sum(1)


def captum_heatmaps(network, layer, x, labels, steps):
    maps = {}
    saliency = captum.attr.Saliency(network).attribute(x, target=labels, abs=True)
    maps["simple-grad"] = channels(saliency) / channels(saliency).sum((1, 2), keepdim=True)
    maps["input-x-gradient"] = channels(
        captum.attr.InputXGradient(network).attribute(x, target=labels))
    maps["integrated-gradients"] = channels(
        captum.attr.IntegratedGradients(network).attribute(
            x, target=labels, n_steps=steps, method="riemann_right", internal_batch_size=64))
    module = network.get_submodule(layer)
    cam = captum.attr.LayerGradCam(network, module).attribute(
        x, target=labels, relu_attributions=True).detach()[:, 0]
    maps["grad-cam"] = cam / (cam.amax((1, 2), keepdim=True) + 1e-8)
    maps["integrated-gradients-t"] = channels(
        captum.attr.LayerIntegratedGradients(network, module).attribute(
            x, torch.zeros_like(x), target=labels, n_steps=steps, method="riemann_right",
            internal_batch_size=64))
    # One image at a time: where a difference is small, captum's max pooling takes the derivative of
    # the first image of the batch.
    captum_deep_lift.SUPPORTED_NON_LINEAR[nn.MaxPool2d] = accumulating_max_pool
    lift = captum.attr.DeepLift(network, eps=SMALLEST_DIFFERENCE)
    maps["deep-lift"] = torch.cat([
        channels(lift.attribute(x[i : i + 1], torch.zeros_like(x[:1]), target=int(labels[i])))
        for i in range(len(x))
    ])
    captum_deep_lift.SUPPORTED_NON_LINEAR[nn.MaxPool2d] = captum_deep_lift.maxpool2d
    plain = channels(lift.attribute(x[:1], torch.zeros_like(x[:1]), target=int(labels[0])))
    apart = (plain - maps["deep-lift"][:1]).norm() / plain.norm()
    print(f"  captum's own max pooling changes DeepLIFT by {apart.item():.3g}", flush=True)
    captum_deep_lift.SUPPORTED_NON_LINEAR[nn.MaxPool2d] = accumulating_max_pool
    lift = captum.attr.LayerDeepLift(network, module)
    lift.eps = SMALLEST_DIFFERENCE
    maps["deep-lift-t"] = torch.cat([
        channels(lift.attribute(x[i : i + 1], torch.zeros_like(x[:1]), target=int(labels[i])))
        for i in range(len(x))
    ])
    captum_deep_lift.SUPPORTED_NON_LINEAR[nn.MaxPool2d] = captum_deep_lift.maxpool2d
    return maps


# MARK: zennit


class PositiveShare(zennit.core.BasicHook):
    """zennit's Norm with positive parts only: R_i = x_i+ * d(out(x+))/dx_i * R / (out(x+) + eps)."""

    def __init__(self):
        super().__init__(
            input_modifiers=[lambda x: x.clamp(min=0)],
            param_modifiers=[zennit.rules.NoMod(param_keys=[])],
            output_modifiers=[lambda output: output],
            gradient_mapper=lambda relevance, outputs: relevance / (outputs[0] + SHARE_STABILIZER),
            reducer=lambda inputs, gradients: inputs[0] * gradients[0],
        )


def composite(convolution, first=None):
    """zennit's rules by module type; `first` is that of the first convolution."""

    def rule(context, name, module):
        if isinstance(module, nn.Conv2d):
            is_first = not context.get("visited")
            context["visited"] = True
            return first if is_first and first is not None else convolution
        if isinstance(module, nn.Linear):
            return zennit.rules.Epsilon(STABILIZER)
        if isinstance(module, (nn.ReLU, nn.BatchNorm2d)):
            return zennit.rules.Pass()
        if isinstance(module, (zennit.layer.Sum, nn.AdaptiveAvgPool2d)):
            return PositiveShare()
        return None  # max pooling, flattening, padding: the gradient

    return zennit.core.Composite(
        module_map=rule, canonizers=[zennit.canonizers.SequentialMergeBatchNorm()])


def zennit_relevance(network, layer, x, labels, rules):
    """Relevance of the input and of the layer's output, each summed over channels."""
    x = x.clone().requires_grad_()
    kept = []
    with rules.context(network) as modified:
        handle = network.get_submodule(layer).register_forward_hook(
            lambda module, inputs, output: kept.append(output))
        logits = modified(x)
        start = logits.detach() * F.one_hot(labels, logits.shape[1])
        at_input, at_layer = torch.autograd.grad(logits, [x, kept[0]], grad_outputs=start)
        handle.remove()
    return channels(at_input), channels(at_layer)


def other_composite(name):
    """Rules beside the default ones."""
    if name.startswith("vgg"):
        return composite(
            zennit.rules.AlphaBeta(2.0, 1.0, stabilizer=STABILIZER),
            zennit.rules.Flat(stabilizer=STABILIZER))
    return composite(
        zennit.rules.Gamma(0.25, stabilizer=STABILIZER),
        zennit.rules.WSquare(stabilizer=STABILIZER))


def zennit_heatmaps(name, network, layer, x, labels):
    maps = {}
    heo = composite(zennit.rules.AlphaBeta(1.0, 0.0, stabilizer=STABILIZER))
    maps["lrp"], at_layer = zennit_relevance(network, layer, x, labels, heo)
    positive = at_layer.clamp(min=0)
    low, high = positive.amin((1, 2), keepdim=True), positive.amax((1, 2), keepdim=True)
    maps["lrp-t"] = (positive - low) / (high - low + 1e-8)
    maps["lrp-other"], _ = zennit_relevance(
        network, layer, x, labels, other_composite(name))
    return maps


# MARK: Files


def summary(heatmap):
    flat = heatmap.flatten()
    count = min(ENTRIES, flat.numel())
    indices = [k * (flat.numel() - 1) // (count - 1) for k in range(count)]
    return {
        "l2": float(f"{flat.norm().item():.8g}"),
        "entries": [float(f"{v:.7g}") for v in flat[indices].tolist()],
    }


def jumps(name, network, layer, x, labels, noises):
    """Whether a heatmap that has jumps changes much when the image changes a little."""
    def maps(x):
        gradient = captum.attr.Saliency(network).attribute(x, target=labels, abs=False)
        path = captum.attr.IntegratedGradients(network).attribute(
            x, target=labels, n_steps=STEPS[name], method="riemann_right")
        relevance, _ = zennit_relevance(network, layer, x, labels, other_composite(name))
        return [channels(gradient.abs()), channels(x * gradient), channels(path), relevance]
    given = maps(x)
    return any(
        (a - b).norm() > LARGEST_CHANGE * a.norm()
        for noise in noises for a, b in zip(given, maps(x + noise)))


def choose_images(shared, checkpoint, name, network):
    torch.manual_seed(0)
    chosen = []
    folders = reference.class_folders(shared, checkpoint.data, "val")[:IMAGES]
    for label, folder in enumerate(folders):
        for path in sorted(folder.iterdir()):
            x = reference.normalise(
                reference.pixels(path, checkpoint.side)[None], torch.float64)
            labels = torch.tensor([label])
            noises = [PERTURBATION * torch.randn_like(x) for _ in range(PERTURBATIONS)]
            if not jumps(name, network, TARGET_LAYERS[name], x, labels, noises):
                chosen.append((path, label, x))
                print(" ", path.relative_to(shared), flush=True)
                break
    records = [{"path": p.relative_to(shared).as_posix(), "label": l} for p, l, _ in chosen]
    return records, torch.cat([x for _, _, x in chosen]), torch.arange(len(chosen))


def write(shared, output, name):
    checkpoint = reference.CHECKPOINTS[name]
    network = checkpoint.load(shared)
    modules = modular(network)
    records, x, labels = choose_images(shared, checkpoint, name, modules)
    difference = (network(x) - modules(x)).abs().max().item()
    assert difference < 1e-10, difference
    layer = TARGET_LAYERS[name]
    maps = captum_heatmaps(modules, layer, x, labels, STEPS[name])
    maps |= zennit_heatmaps(name, modules, layer, x, labels)
    origin = make_network_fixtures.origin(shared, checkpoint)
    origin["script"] = "tools/make_explanation_fixtures.py"
    for package in ("captum", "zennit"):
        origin[package] = importlib.metadata.version(package)
    content = {
        "origin": origin, "side": checkpoint.side, "layer": layer, "steps": STEPS[name],
        "images": records,
        "heatmaps": [
            {"name": key, "shape": list(value.shape[1:]), "images": [summary(m) for m in value]}
            for key, value in maps.items()
        ],
    }
    path = output / "ExplanationsTests" / "Fixtures" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f'"{k}": {json.dumps(v)}' for k, v in content.items() if k != "heatmaps"]
    heatmaps = ",\n".join(json.dumps(h) for h in content["heatmaps"])
    path.write_text("{\n" + ",\n".join(lines) + f',\n"heatmaps": [\n{heatmaps}\n]\n}}\n')
    print(path, path.stat().st_size)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--only", choices=TARGET_LAYERS, help="one checkpoint instead of all")
    arguments = parser.parse_args()
    for name in [arguments.only] if arguments.only else TARGET_LAYERS:
        print(name, platform.python_version())
        write(arguments.shared, arguments.output, name)


if __name__ == "__main__":
    main()
