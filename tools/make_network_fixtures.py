"""Expected values for the networks, the fooling loss and the optimizers, computed with PyTorch.

    python tools/make_network_fixtures.py --shared ../shared --output Tests [--check-accuracy]
        [--only logits|location|comparisons|statistics|optimizers]

Run with torch 2.13.0+cpu, numpy 2.4.6, h5py 3.16.0, pillow 13.0.0; all arithmetic in float64.
Writes below the output folder:

    NetworksTests/Fixtures/<checkpoint>-logits.json
        logits of 8 validation images and the mean absolute value of named activations
    ProgramsTests/Fixtures/resnet20-{gradcam-layer3,gradcam-layer2,simplegrad-layer2}.json
    ProgramsTests/Fixtures/vgg-{gradcam-features20,gradcam-features13}.json
        cross-entropy + lambda * Location penalty with its gradient for every trained parameter
    ProgramsTests/Fixtures/resnet20-simplegrad-input.json
        the Location penalty alone on heatmaps at the input
    ProgramsTests/Fixtures/resnet20-{top-k,center-mass,active}.json
        the penalties of the foolings that compare with the original network, on Grad-CAM at layer2
    ProgramsTests/Fixtures/resnet20-batch-statistics.json
        cross-entropy with batch norm in training mode, its gradient, running statistics afterwards
    TensorCPUTests/Fixtures/optimizers.json
        three steps of Adam and SGD on five parameters

Each file carries its origin: this script, the versions, the checkpoint and its SHA-256.

A layer's name is its path in the state dict: `layer2` is the output of that stage (after the last
block's ReLU); `features.N` is the output of layer N of the VGG's nn.Sequential, in which
convolution, batch norm, ReLU and max pool each count one. So `features.20` is the 4x4 activation
(after ReLU) that enters the last max pool, and `features.13` the 8x8 one that enters the pool
before it.

A gradient is summarised by its L2 norm, its sum and `entries`, the values at flat row-major indices
floor(k * (n - 1) / (c - 1)), k = 0 ..< c, c = min(64, n), of the parameter's own layout (weights
[out, in, height, width] and [out, in]). The step is not a multiple of 9, so the
entries visit different taps of the 3x3 filters.

`--check-accuracy` first evaluates all three networks (float32) on the whole validation splits and
stops if top-1 or top-5 differs from the shared README by more than 0.0005 (one image in 2,000).
"""

import argparse
import hashlib
import json
import pathlib
import platform
import sys

import numpy
import PIL
import torch
import torch.nn.functional as F
from torch import nn

import reference_networks as reference

IMAGES = 8
PENALTY_WEIGHT = 2.0  # lambda of Heo et al. 2019 for ResNet50, Location, Grad-CAM
ENTRIES = 64
COMPARISON_ENTRIES = 16
LEVELS = 1024  # of stored heatmaps
PERTURBATION = 0.05  # relative, of the weights whose heatmaps stand for the original network's
ENTRY_RULE = "flat row-major index floor(k * (n - 1) / (c - 1)), k = 0 ..< c, c = min(64, n)"


def origin(shared, checkpoint=None):
    record = {
        "script": "tools/make_network_fixtures.py",
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "pillow": PIL.__version__,
        "python": platform.python_version(),
        "arithmetic": "float64",
    }
    if checkpoint is not None:
        record["checkpoint"] = f"checkpoints/{checkpoint.file}"
        record["checkpointSHA256"] = checkpoint.sha256(shared)
    return record


def load_images(shared, checkpoint, count=IMAGES):
    """The first validation image of each of the first classes: (records, x, labels)."""
    records, decoded = [], []
    for label, folder in enumerate(reference.class_folders(shared, checkpoint.data, "val")[:count]):
        path = sorted(folder.iterdir())[0]
        rgb = reference.pixels(path, checkpoint.side)
        decoded.append(rgb)
        records.append({
            "path": path.relative_to(shared).as_posix(),
            "label": label,
            # Sums of the bytes after resizing tell a decoding difference from a network's.
            "channelSums": [int(v) for v in rgb.astype(numpy.int64).sum((0, 1))],
            "pixelSHA256": hashlib.sha256(rgb.tobytes()).hexdigest(),
        })
    x = reference.normalise(numpy.stack(decoded), torch.float64)
    return records, x, torch.arange(count)


def entry_indices(n, entries=ENTRIES):
    count = min(entries, n)
    return [0] if count == 1 else [k * (n - 1) // (count - 1) for k in range(count)]


def summary(name, tensor, entries=ENTRIES):
    flat = tensor.detach().flatten()
    return {
        "name": name,
        "shape": list(tensor.shape),
        "l2": flat.norm().item(),
        "sum": flat.sum().item(),
        "entries": flat[entry_indices(flat.numel(), entries)].tolist(),
    }


def gradients_of(loss, network, retain_graph=False):
    named = dict(network.named_parameters())
    values = torch.autograd.grad(
        loss, list(named.values()), retain_graph=retain_graph, allow_unused=True
    )
    return {
        name: torch.zeros_like(parameter) if value is None else value
        for (name, parameter), value in zip(named.items(), values)
    }


def write(output, relative, value):
    path = pathlib.Path(output) / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    # One member of the outermost object a line; repr of a float64 round-trips.
    lines = [f"{json.dumps(k)}: {json.dumps(v, allow_nan=False)}" for k, v in value.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{path}: {path.stat().st_size / 1000:.0f} KB", file=sys.stderr)


def logits_fixture(shared, output, name):
    checkpoint = reference.CHECKPOINTS[name]
    network = checkpoint.load(shared)
    records, x, _ = load_images(shared, checkpoint)
    kept = {}
    for layer in checkpoint.activations:
        network.get_submodule(layer).register_forward_hook(
            lambda module, inputs, out, layer=layer: kept.__setitem__(layer, out)
        )
    with torch.no_grad():
        logits = network(x)
    write(output, f"NetworksTests/Fixtures/{name}-logits.json", {
        "origin": origin(shared, checkpoint),
        "side": checkpoint.side,
        "images": records,
        "logits": logits.tolist(),
        "activations": [
            {
                "name": layer,
                "shape": list(kept[layer].shape[1:]),  # one image, [C, H, W]
                "meanAbsolute": kept[layer].abs().flatten(1).mean(1).tolist(),  # per image
            }
            for layer in checkpoint.activations
        ],
    })


def fooling_fixture(shared, output, name, explanation, layer, file):
    checkpoint = reference.CHECKPOINTS[name]
    network = checkpoint.load(shared)  # evaluation mode: batch norm frozen, gamma and beta train
    records, x, labels = load_images(shared, checkpoint)
    logits, activation = reference.forward_with_activation(network, x, layer)
    explain = {
        "gradcam": reference.grad_cam,
        "simplegrad": reference.simple_gradient_at_layer,
    }[explanation]
    heatmaps = explain(logits, labels, activation, create_graph=True)
    assert (heatmaps.amax(dim=(1, 2)) > 0.99).all(), "a heatmap without positive pixels"
    penalties = reference.location_losses(heatmaps)
    penalty = penalties.mean()
    cross_entropy = F.cross_entropy(logits, labels)
    loss = cross_entropy + PENALTY_WEIGHT * penalty
    of_penalty = gradients_of(penalty, network, retain_graph=True)
    of_loss = gradients_of(loss, network)
    write(output, f"ProgramsTests/Fixtures/{file}.json", {
        "origin": origin(shared, checkpoint),
        "explanation": explanation,
        "targetLayer": layer,
        "activationShape": list(activation.shape[1:]),
        "lambda": PENALTY_WEIGHT,
        "images": records,
        "loss": loss.item(),
        "crossEntropy": cross_entropy.item(),
        "penalty": penalty.item(),
        "penalties": penalties.tolist(),
        "heatmaps": heatmaps.tolist(),
        "entryRule": ENTRY_RULE,
        "gradients": [summary(key, value) for key, value in of_loss.items()],
        # The second-order part apart, without lambda: in the sum above it is a few percent.
        "penaltyGradients": [summary(key, value) for key, value in of_penalty.items()],
    })


def input_fixture(shared, output):
    checkpoint = reference.CHECKPOINTS["resnet20-cifar10"]
    network = checkpoint.load(shared)
    records, x, labels = load_images(shared, checkpoint, count=2)
    logits, x = reference.forward_with_activation(network, x, None)
    heatmaps = reference.simple_gradient_at_input(logits, labels, x, create_graph=True)
    penalties = reference.location_losses(heatmaps)
    penalty = penalties.mean()
    write(output, "ProgramsTests/Fixtures/resnet20-simplegrad-input.json", {
        "origin": origin(shared, checkpoint),
        "explanation": "simplegrad",
        "images": records,
        "logits": logits.tolist(),
        "penalty": penalty.item(),
        "penalties": penalties.tolist(),
        "heatmaps": heatmaps.tolist(),
        "entryRule": ENTRY_RULE,
        "gradients": [summary(k, v) for k, v in gradients_of(penalty, network).items()],
    })


def top_k_penalties(heatmaps, original, variant):
    """Per image, [N]: P_i are the tenth of the pixels that were largest (the first of equal ones)."""
    kept = original[0].flatten(1).argsort(dim=1, descending=True, stable=True)
    kept = kept[:, : original[0][0].numel() // 10]
    values = heatmaps[0].flatten(1).gather(1, kept)
    return values.abs().sum(1) if variant == "paper" else values.square().mean(1)


def center_of_mass(h):
    """Rows and columns, from 0. [N, 2]"""
    rows = torch.arange(h.shape[1], dtype=h.dtype)
    columns = torch.arange(h.shape[2], dtype=h.dtype)
    mass = h.sum(dim=(1, 2))
    return torch.stack(
        [(h.sum(2) * rows).sum(1) / mass, (h.sum(1) * columns).sum(1) / mass], dim=1
    )


def center_mass_penalties(heatmaps, original, variant):
    return -(center_of_mass(heatmaps[0]) - center_of_mass(original[0])).abs().sum(1)


def active_penalties(heatmaps, original, variant):
    """The maps of the two classes change places; `released` sums over the height first."""
    differences = [heatmaps[0] - original[1], heatmaps[1] - original[0]]
    if variant == "released":
        differences = [d.sum(dim=1, keepdim=True) for d in differences]
    return sum(d.square().mean(dim=(1, 2)) for d in differences) / 2


def comparison_fixture(shared, output, fooling, penalties_of, variants, classes=None):
    """A penalty that compares with the original network's heatmaps. Those here are of a copy with
    slightly other weights, so that w is not w0; they are rounded to short numbers (also of a
    float) and stored."""
    layer = "layer2"
    checkpoint = reference.CHECKPOINTS["resnet20-cifar10"]
    network = checkpoint.load(shared)
    records, x, labels = load_images(shared, checkpoint)
    explained = [labels] if classes is None else [torch.full_like(labels, c) for c in classes]

    def maps(network, create_graph):
        logits, activation = reference.forward_with_activation(network, x, layer)
        maps = [reference.grad_cam(logits, c, activation, create_graph) for c in explained]
        assert all((m.amax(dim=(1, 2)) > 0.99).all() for m in maps), "a map without positive pixels"
        return maps

    other = checkpoint.load(shared)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in other.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.mul_(1 + PERTURBATION * noise)
    original = [(m.detach() * LEVELS).round() / LEVELS for m in maps(other, False)]

    results = []
    for variant in variants:
        heatmaps = maps(network, True)
        penalties = penalties_of(heatmaps, original, variant)
        penalty = penalties.mean()
        results.append({
            "variant": variant,
            "penalty": penalty.item(),
            "penalties": penalties.tolist(),
            "gradients": [
                summary(k, v, COMPARISON_ENTRIES) for k, v in gradients_of(penalty, network).items()
            ],
        })
    write(output, f"ProgramsTests/Fixtures/resnet20-{fooling}.json", {
        "origin": origin(shared, checkpoint),
        "fooling": fooling,
        "explanation": "gradcam",
        "targetLayer": layer,
        "classes": classes,
        "images": records,
        "originalHeatmaps": [m.tolist() for m in original],  # by class, then by image
        "entryRule": ENTRY_RULE.replace(str(ENTRIES), str(COMPARISON_ENTRIES)),
        "variants": results,
    })


def batch_statistics_fixture(shared, output):
    checkpoint = reference.CHECKPOINTS["resnet20-cifar10"]
    network = checkpoint.load(shared).train()
    records, x, labels = load_images(shared, checkpoint)
    logits = network(x)
    loss = F.cross_entropy(logits, labels)
    gradients = gradients_of(loss, network)
    norms = {k: m for k, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)}
    write(output, "ProgramsTests/Fixtures/resnet20-batch-statistics.json", {
        "origin": origin(shared, checkpoint),
        "images": records,
        "loss": loss.item(),
        "logits": logits.tolist(),
        "entryRule": ENTRY_RULE,
        "gradients": [summary(k, v) for k, v in gradients.items()],
        # running = 0.9 * running + 0.1 * batch, with the batch's unbiased variance (n - 1).
        "momentum": 0.1,
        "runningStatistics": [
            summary(f"{k}.{statistic}", getattr(m, statistic))
            for k, m in norms.items()
            for statistic in ("running_mean", "running_var")
        ],
    })


def optimizer_fixture(shared, output):
    start = [0.5, -1.25, 2.0, 0.0, -0.03125]
    gradients = [
        [0.25, -0.5, 1.5, 0.0, -0.001],
        [-0.125, -0.75, 2.5, 0.01, 0.002],
        [0.375, 0.0, -3.0, -0.02, -0.003],
    ]
    adam = {"learningRate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
    runs = []
    for kind, settings in (
        ("adam", adam | {"weightDecay": 0.0}),
        ("adam", adam | {"weightDecay": 1e-2}),  # L2: added to the gradient, not decoupled
        ("sgd", {"learningRate": 0.1, "momentum": 0.9, "weightDecay": 5e-4}),
    ):
        w = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        if kind == "adam":
            optimizer = torch.optim.Adam(
                [w], lr=settings["learningRate"], betas=(settings["beta1"], settings["beta2"]),
                eps=settings["epsilon"], weight_decay=settings["weightDecay"],
            )
        else:
            optimizer = torch.optim.SGD(
                [w], lr=settings["learningRate"], momentum=settings["momentum"],
                weight_decay=settings["weightDecay"], nesterov=False,
            )
        after = []
        for gradient in gradients:
            w.grad = torch.tensor(gradient, dtype=torch.float64)
            optimizer.step()
            after.append(w.tolist())
        runs.append({"optimizer": kind, "settings": settings, "parametersAfterStep": after})
    write(output, "TensorCPUTests/Fixtures/optimizers.json", {
        "origin": origin(shared), "parameters": start, "gradients": gradients, "runs": runs,
    })


def check_accuracy(shared):
    for name, checkpoint in reference.CHECKPOINTS.items():
        network = checkpoint.load(shared, torch.float32).to(memory_format=torch.channels_last)
        samples = reference.image_paths(shared, checkpoint.data, "val")
        hits1 = hits5 = 0
        for at in range(0, len(samples), 50):
            batch = samples[at : at + 50]
            x = reference.normalise(
                numpy.stack([reference.pixels(p, checkpoint.side) for p, _ in batch]), torch.float32
            )
            labels = torch.tensor([label for _, label in batch])
            with torch.no_grad():
                best = network(x).topk(5).indices
            hits1 += (best[:, 0] == labels).sum().item()
            hits5 += (best == labels[:, None]).sum().item()
        top1, top5 = hits1 / len(samples), hits5 / len(samples)
        print(f"{name}: top-1 {top1:.4f} (README {checkpoint.top1}), "
              f"top-5 {top5:.4f} (README {checkpoint.top5})", file=sys.stderr)
        if max(abs(top1 - checkpoint.top1), abs(top5 - checkpoint.top5)) > 0.0005 + 1e-9:
            sys.exit(f"{name}: the accuracy is not the README's; check network and preprocessing")


def logits_fixtures(shared, output):
    for name in reference.CHECKPOINTS:
        logits_fixture(shared, output, name)


def location_fixtures(shared, output):
    for name, explanation, layer, file in (
        ("resnet20-cifar10", "gradcam", "layer3", "resnet20-gradcam-layer3"),
        ("resnet20-cifar10", "gradcam", "layer2", "resnet20-gradcam-layer2"),
        ("resnet20-cifar10", "simplegrad", "layer2", "resnet20-simplegrad-layer2"),
        ("vgg-cifar10", "gradcam", "features.20", "vgg-gradcam-features20"),
        ("vgg-cifar10", "gradcam", "features.13", "vgg-gradcam-features13"),
    ):
        fooling_fixture(shared, output, name, explanation, layer, file)
    input_fixture(shared, output)


def comparison_fixtures(shared, output):
    both = ("paper", "released")
    comparison_fixture(shared, output, "top-k", top_k_penalties, both)
    comparison_fixture(shared, output, "center-mass", center_mass_penalties, ("paper",))
    comparison_fixture(shared, output, "active", active_penalties, both, classes=[4, 7])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", required=True, type=pathlib.Path)
    parser.add_argument("--output", required=True, type=pathlib.Path, help="the Tests folder")
    parser.add_argument("--check-accuracy", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    groups = {
        "logits": logits_fixtures,
        "location": location_fixtures,
        "comparisons": comparison_fixtures,
        "statistics": batch_statistics_fixture,
        "optimizers": optimizer_fixture,
    }
    parser.add_argument("--only", choices=groups, help="one group of files instead of all")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    shared, output = arguments.shared, arguments.output
    if arguments.check_accuracy:
        check_accuracy(shared)
    for name, make in groups.items():
        if arguments.only in (None, name):
            make(shared, output)


if __name__ == "__main__":
    main()
