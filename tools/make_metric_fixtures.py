"""Makes the fixtures of Tests/FaithfulnessTests: scores by Quantus on given heatmaps and random choices.

Run once, by hand, from the root of the repository: python3 tools/make_metric_fixtures.py ../shared

Random choices that Quantus makes with NumPy are recorded (subsets) or replaced by a table (noise), and
written beside the scores. Insertion and deletion are not in Quantus: they are computed here as the code
released with Petsiuk et al. 2018 does, and deletion again by Quantus's PixelFlipping.

Needs quantus, torch, numpy, scipy, safetensors, h5py, pillow. Last run with quantus 0.6.0, torch 2.15.0,
numpy 2.4.6, scipy 1.17.1, Python 3.11.
"""

import json
import pathlib
import sys
import warnings

import numpy
import quantus
import scipy.ndimage
import torch
import torch.nn.functional as F
from quantus.metrics.faithfulness import road
from safetensors.numpy import save_file
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import reference_networks as reference  # noqa: E402

warnings.simplefilter("ignore")
SHARED = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "../shared")
FOLDER = pathlib.Path("Tests/FaithfulnessTests/Fixtures")
TABLE = 1009  # a prime, so that rows of an image do not repeat in step
random = numpy.random.default_rng(30)
normals = random.standard_normal(TABLE).astype(numpy.float32)
uniforms = random.random(TABLE).astype(numpy.float32)
arrays = {"normals": normals, "uniforms": uniforms}
scores = {"origin": f"quantus {quantus.__version__}, tools/make_metric_fixtures.py"}


# MARK: Networks and heatmaps


def tiny():
    """Trompe's family vgg-style of plan [6, M, 8] and classifier [12] for images of 16x16."""
    torch.manual_seed(5)
    network = nn.Module()
    network.features = nn.Sequential(
        nn.Conv2d(3, 6, 3, 1, 1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2, 2),
        nn.Conv2d(6, 8, 3, 1, 1), nn.BatchNorm2d(8), nn.ReLU())
    network.classifier = nn.Sequential(nn.Linear(8 * 8 * 8, 12), nn.ReLU(), nn.Linear(12, 5))

    class Tiny(nn.Module):
        def __init__(self):
            super().__init__()
            self.features, self.classifier = network.features, network.classifier

        def forward(self, x):
            return self.classifier(self.features(x).flatten(1))

    network = Tiny()
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith("running_mean"):
                value.copy_(0.2 * torch.randn(value.shape))
            elif name.endswith("running_var"):
                value.copy_(0.5 + torch.rand(value.shape))
            elif value.dim() > 1:
                value.mul_(3)
    return network.eval()


def simple_grad(model, inputs, targets, **_):
    x = torch.as_tensor(numpy.asarray(inputs), dtype=torch.float32)
    labels = torch.as_tensor(numpy.asarray(targets))
    logits, x = reference.forward_with_activation(model, x, None)
    map = reference.simple_gradient_at_input(logits, labels, x)
    return map.detach().numpy()[:, None]


def simple_grad_at(layer):
    """A map without equal values: Quantus's sort leaves their order open."""

    def explain(model, inputs, targets, **_):
        x = torch.as_tensor(numpy.asarray(inputs), dtype=torch.float32)
        labels = torch.as_tensor(numpy.asarray(targets))
        logits, activation = reference.forward_with_activation(model, x, layer)
        map = reference.simple_gradient_at_layer(logits, labels, activation)[:, None]
        return F.interpolate(
            map, size=x.shape[2:], mode="bilinear", align_corners=False).detach().numpy()

    return explain


# MARK: Quantus with given random choices


class Patched:
    """An attribute of a module replaced for a while."""

    def __init__(self, owner, name, value):
        self.owner, self.name, self.value = owner, name, value

    def __enter__(self):
        self.kept = getattr(self.owner, self.name)
        setattr(self.owner, self.name, self.value)

    def __exit__(self, *_):
        setattr(self.owner, self.name, self.kept)


def channels_last(features, shape):
    """Positions in [C, H, W] as positions in [H, W, C]."""
    channel, row, column = numpy.unravel_index(features, shape)
    return numpy.ravel_multi_index((row, column, channel), (shape[1], shape[2], shape[0]))


def faithfulness_correlation(model, x, y, a, runs, subset):
    chosen, choice = [], numpy.random.choice

    def recording(*arguments, **options):
        chosen.append(choice(*arguments, **options))
        return chosen[-1]

    metric = quantus.FaithfulnessCorrelation(
        nr_runs=runs, subset_size=subset, return_aggregate=False, disable_warnings=True)
    numpy.random.seed(3)
    with Patched(numpy.random, "choice", recording):
        result = metric(model=model, x_batch=x, y_batch=y, a_batch=a)
    subsets = numpy.array(chosen).reshape(runs, len(x), subset).transpose(1, 0, 2)
    return result, channels_last(subsets, x.shape[1:]).astype(numpy.uint16)


class OneMap:
    """NumPy for Quantus's ROAD. Version 0.6 broadcasts a map over the channels before it sorts pixels, and
    then indexes a mask of H·W pixels with positions in C·H·W, which fails; here the map stays as it is."""

    def __getattr__(self, name):
        return getattr(numpy, name)

    @staticmethod
    def broadcast_to(array, shape):
        return array


def remove_and_debias(model, x, y, a):
    def table(*shape):
        count = int(numpy.prod(shape))
        return normals[numpy.arange(count) % TABLE].astype(numpy.float64).reshape(shape)

    metric = quantus.ROAD(disable_warnings=True)
    with Patched(numpy.random, "randn", table), Patched(road, "np", OneMap()):
        result = metric(model=model, x_batch=x, y_batch=y, a_batch=a)
    return [float(result[p]) for p in metric.percentages]


def max_sensitivity(model, x, y, a, explain, samples):
    calls = [0]

    def table(low=0.0, high=1.0, size=None):
        image, place = numpy.indices(size)
        index = (131 * calls[0] + 17 * image + place) % TABLE
        calls[0] += 1
        return low + (high - low) * uniforms[index].astype(numpy.float64)

    metric = quantus.MaxSensitivity(nr_samples=samples, disable_warnings=True)
    with Patched(numpy.random, "uniform", table):
        return metric(model=model, x_batch=x, y_batch=y, a_batch=a, explain_func=explain)


def probability(model, x, y):
    with torch.no_grad():
        p = torch.softmax(model(torch.as_tensor(x, dtype=torch.float32)), 1).numpy()
    return p[numpy.arange(len(y)), y]


def area(curves):
    return (curves.sum(1) - curves[:, 0] / 2 - curves[:, -1] / 2) / (curves.shape[1] - 1)


def pixel_flipping(model, x, y, a):
    """Quantus's curve from the first step on, before it the image as it is; a row of pixels a step. Quantus
    wants a step that divides the pixels, so there is one for each channel."""
    channels = x.shape[1]
    metric = quantus.PixelFlipping(features_in_step=x.shape[3], disable_warnings=True)
    curve = numpy.array(metric(model=model, x_batch=x, y_batch=y, a_batch=a))
    curve = curve[:, channels - 1 :: channels]
    return area(numpy.concatenate([probability(model, x, y)[:, None], curve], 1))


def released_curves(model, x, y, a, insertion):
    """CausalMetric of the code released with Petsiuk et al. 2018."""
    dirac = numpy.zeros((11, 11))
    dirac[5, 5] = 1
    kernel = torch.zeros(x.shape[1], x.shape[1], 11, 11)
    for channel in range(x.shape[1]):
        kernel[channel, channel] = torch.from_numpy(scipy.ndimage.gaussian_filter(dirac, 5))
    images = torch.from_numpy(x)
    substrate = F.conv2d(images, kernel, padding=5) if insertion else torch.zeros_like(images)
    start, finish = (substrate, images) if insertion else (images, substrate)
    start, finish = start.clone().flatten(2), finish.flatten(2)
    step = x.shape[3]
    order = numpy.flip(numpy.argsort(a.reshape(len(a), -1), axis=1), axis=1)
    curve = []
    for begin in range(0, order.shape[1] + step, step):
        curve.append(probability(model, start.reshape(x.shape), y))
        for image, pixels in enumerate(order[:, begin : begin + step]):
            start[image][:, pixels.copy()] = finish[image][:, pixels.copy()]
    return area(numpy.stack(curve, 1))


def measure(name, model, x, y, explain, runs, subset, samples):
    a = explain(model, x, y)
    arrays[f"{name}.maps"] = a[:, 0]
    found = {"labels": [int(label) for label in y]}
    found["faithfulness-correlation"], arrays[f"{name}.subsets"] = faithfulness_correlation(
        model, x, y, a, runs, subset)
    found["road"] = remove_and_debias(model, x, y, a)
    found["infidelity"] = quantus.Infidelity(disable_warnings=True)(
        model=model, x_batch=x, y_batch=y, a_batch=a)
    found["max-sensitivity"] = max_sensitivity(model, x, y, a, explain, samples)
    found["pixel-flipping"] = pixel_flipping(model, x, y, a)
    found["deletion"] = released_curves(model, x, y, a, insertion=False)
    found["insertion"] = released_curves(model, x, y, a, insertion=True)
    found["sparseness"] = quantus.Sparseness(disable_warnings=True)(
        model=model, x_batch=x, y_batch=y, a_batch=a.copy())
    found["complexity"] = quantus.Complexity(disable_warnings=True)(
        model=model, x_batch=x, y_batch=y, a_batch=a.copy())
    scores[name] = found
    return a, found


def randomise(name, model, x, y, a, explain, found):
    layers = {}
    metric = quantus.MPRT(disable_warnings=True)
    result = metric(model=model, x_batch=x, y_batch=y, a_batch=a, explain_func=explain)
    found["mprt"] = {layer: values for layer, values in result.items() if layer != "original"}
    found["mprt-layers"] = list(found["mprt"])
    found["emprt"] = quantus.EfficientMPRT(disable_warnings=True)(
        model=model, x_batch=x, y_batch=y, a_batch=a, explain_func=explain)
    wrapped = quantus.helpers.utils.get_wrapped_model(model, channel_first=True, softmax=False)
    for _, other in wrapped.get_random_layer_generator(order="top_down", seed=metric.seed):
        layers = other.state_dict()
    for key, value in layers.items():
        if not key.endswith("num_batches_tracked"):
            # Trompe's filters are [K, R, S, C].
            value = value.permute(0, 2, 3, 1) if value.dim() == 4 else value
            arrays[f"{name}.random.{key}"] = value.numpy()


def plain(value):
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, numpy.ndarray)):
        return [plain(entry) for entry in value]
    return float(value) if isinstance(value, numpy.floating) else value


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    model = tiny()
    torch.manual_seed(8)
    x = F.interpolate(torch.randn(4, 3, 8, 8), size=(16, 16), mode="bilinear").numpy()
    x += 0.3 * random.standard_normal(x.shape).astype(numpy.float32)
    y = model(torch.from_numpy(x)).argmax(1).numpy()
    y[3] = (y[3] + 1) % 5
    arrays["tiny.images"] = x.transpose(0, 2, 3, 1).copy()
    save_file(
        {key: value.numpy() for key, value in model.state_dict().items()},
        FOLDER / "tiny.safetensors")
    a, found = measure("tiny", model, x, y, simple_grad, runs=30, subset=96, samples=20)
    randomise("tiny", model, x, y, a, simple_grad, found)

    network = reference.CHECKPOINTS["resnet20-cifar10"]
    model = network.load(SHARED, torch.float32)
    paths = reference.image_paths(SHARED, network.data, "val")[7::523][:3]
    x = reference.normalise(
        numpy.stack([reference.pixels(path, network.side) for path, _ in paths]), torch.float32
    ).contiguous().numpy()
    y = numpy.array([label for _, label in paths])
    _, found = measure(
        "resnet20", model, x, y, simple_grad_at("layer2"), runs=40, subset=224, samples=10)
    found["images"] = [str(path.relative_to(SHARED)) for path, _ in paths]

    save_file(
        {key: numpy.ascontiguousarray(value) for key, value in arrays.items()}, FOLDER / "metrics.safetensors")
    (FOLDER / "metrics.json").write_text(json.dumps(plain(scores), indent=1, sort_keys=True) + "\n")


main()
