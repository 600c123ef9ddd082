"""The three checkpoint networks, their images and the heatmaps, in plain PyTorch.

An independent reference: it shares no code with the Swift sources and follows the published
definitions directly. `make_network_fixtures.py` and `baseline_fool.py` import it; nothing here is
needed to build, test or run Trompe.

Needs torch, numpy, h5py, pillow. Last run with torch 2.13.0+cpu, numpy 2.4.6, h5py 3.16.0,
pillow 13.0.0, Python 3.
"""

import hashlib
import pathlib

import h5py
import numpy
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

MEAN = (0.485, 0.456, 0.406)  # checkpoints/README.md
STANDARD_DEVIATION = (0.229, 0.224, 0.225)  # checkpoints/README.md
HEATMAP_STABILIZER = 1e-8  # definitions: added to the maximum (Grad-CAM) or the range (min-max)


# MARK: Networks


class CIFARBlock(nn.Module):
    """Two 3x3 convolutions with an option-A shortcut (He 2016): stride 2 subsamples and pads
    planes/4 zero channels on either side, so the shortcut has no parameters."""

    def __init__(self, in_planes, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.resamples = stride != 1 or in_planes != planes
        self.padding = planes // 4

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.resamples:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.padding, self.padding))
        return F.relu(y + x)


class CIFARResNet(nn.Module):
    """CIFAR ResNet of depth 6n+2 (He 2016), named as in akamaster/pytorch_resnet_cifar10."""

    def __init__(self, blocks_per_stage=3, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        planes = 16
        for stage, width in enumerate((16, 32, 64), start=1):
            blocks = []
            for block in range(blocks_per_stage):
                stride = 2 if stage > 1 and block == 0 else 1
                blocks.append(CIFARBlock(planes, width, stride))
                planes = width
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, classes)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean(dim=(2, 3)))


class BasicBlock(nn.Module):
    """torchvision's BasicBlock: a 1x1 convolution with batch norm where the shape changes."""

    def __init__(self, in_planes, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or in_planes != planes:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)
            )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    """ResNet-18 with torchvision's layer names."""

    def __init__(self, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        planes = 64
        for stage, width in enumerate((64, 128, 256, 512), start=1):
            first = BasicBlock(planes, width, 1 if stage == 1 else 2)
            setattr(self, f"layer{stage}", nn.Sequential(first, BasicBlock(width, width, 1)))
            planes = width
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean(dim=(2, 3)))


class CIFARVGG(nn.Module):
    """VGG-style network of `vgg-cifar10.h5`. `features.N` is the N-th layer of one nn.Sequential:
    convolution, batch norm and ReLU take three numbers, a max pool one."""

    WIDTHS = (32, "M", 64, "M", 128, 128, "M", 256, 256, "M", 256, 256)

    def __init__(self, classes=10):
        super().__init__()
        layers, planes = [], 3
        for width in self.WIDTHS:
            if width == "M":
                layers.append(nn.MaxPool2d(2, 2))
            else:
                layers += [nn.Conv2d(planes, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU()]
                planes = width
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(planes * 2 * 2, 256), nn.ReLU(), nn.Linear(256, classes)
        )

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class Checkpoint:
    """One of the shared checkpoints: how to build, preprocess and check it."""

    def __init__(self, file, network, data, side, top1, top5, activations):
        self.file, self.network, self.data, self.side = file, network, data, side
        self.top1, self.top5 = top1, top5  # checkpoints/README.md, on the whole val split
        self.activations = activations

    def path(self, shared):
        return pathlib.Path(shared) / "checkpoints" / self.file

    def sha256(self, shared):
        return hashlib.sha256(self.path(shared).read_bytes()).hexdigest()

    def load(self, shared, dtype=torch.float64):
        """The network with the checkpoint's values (cast to `dtype`) in evaluation mode."""
        state = {}

        def visit(name, item):
            if isinstance(item, h5py.Dataset):
                state[name] = torch.from_numpy(numpy.asarray(item[()]))

        with h5py.File(self.path(shared)) as file:
            file.visititems(visit)
        network = self.network()
        network.load_state_dict(state, strict=True)
        return network.to(dtype).eval()


CHECKPOINTS = {
    "resnet18-imagenette": Checkpoint(
        "resnet18-imagenette.h5", ResNet18, "data/imagenette", 160, 0.8455, 0.9855,
        ["relu", "maxpool", "layer1", "layer2", "layer3", "layer4"],
    ),
    "resnet20-cifar10": Checkpoint(
        "resnet20-cifar10.h5", CIFARResNet, "data/cifar10", 32, 0.8724, 0.9958,
        ["relu", "layer1", "layer2", "layer3"],
    ),
    "vgg-cifar10": Checkpoint(
        "vgg-cifar10.h5", CIFARVGG, "data/cifar10", 32, 0.8268, 0.9926,
        ["features.2", "features.3", "features.6", "features.7", "features.10", "features.13",
         "features.14", "features.17", "features.20", "features.21", "features.24", "features.27",
         "classifier.1"],
    ),
}


# MARK: Images


def class_folders(shared, data, split):
    """Class folders in alphabetical order: the index is the label."""
    return sorted(p for p in (pathlib.Path(shared) / data / split).iterdir() if p.is_dir())


def image_paths(shared, data, split):
    """All (path, label) of a split, by class, then by file name."""
    return [
        (path, label)
        for label, folder in enumerate(class_folders(shared, data, split))
        for path in sorted(folder.iterdir())
    ]


def pixels(path, side):
    """Decoded RGB bytes [side, side, 3], resized with Pillow's bilinear filter where needed."""
    image = Image.open(path).convert("RGB")
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.BILINEAR)
    return numpy.asarray(image)


def normalise(bytes_nhwc, dtype):
    """(byte / 255 - mean) / standard deviation, as NCHW."""
    x = torch.from_numpy(numpy.ascontiguousarray(bytes_nhwc)).to(dtype) / 255
    mean, deviation = torch.tensor(MEAN, dtype=dtype), torch.tensor(STANDARD_DEVIATION, dtype=dtype)
    return ((x - mean) / deviation).permute(0, 3, 1, 2)


# MARK: Heatmaps and the Location penalty


def forward_with_activation(network, x, layer):
    """(logits, output of `layer`); `layer` None names the input itself."""
    if layer is None:
        x = x.detach().requires_grad_()
        return network(x), x
    kept = []
    handle = network.get_submodule(layer).register_forward_hook(
        lambda module, inputs, output: kept.append(output)
    )
    try:
        logits = network(x)
    finally:
        handle.remove()
    return logits, kept[0]


def activation_gradient(logits, labels, activation, create_graph):
    """d logit_label / d activation for each image (images do not interact in evaluation mode)."""
    chosen = logits.gather(1, labels[:, None]).sum()
    return torch.autograd.grad(chosen, activation, create_graph=create_graph, retain_graph=True)[0]


def grad_cam(logits, labels, activation, create_graph=False):
    """ReLU(sum_k alpha_k A_k) / (max + 1e-8), alpha_k = spatial mean of the gradient. [N, H, W]"""
    gradient = activation_gradient(logits, labels, activation, create_graph)
    weighted = (gradient.mean(dim=(2, 3), keepdim=True) * activation).sum(1)
    heatmap = F.relu(weighted)
    return heatmap / (heatmap.amax(dim=(1, 2), keepdim=True) + HEATMAP_STABILIZER)


def simple_gradient_at_layer(logits, labels, activation, create_graph=False):
    """sum_c |gradient|, min-max scaled per image: (h - min) / (max - min + 1e-8). [N, H, W]"""
    h = activation_gradient(logits, labels, activation, create_graph).abs().sum(1)
    low, high = h.amin(dim=(1, 2), keepdim=True), h.amax(dim=(1, 2), keepdim=True)
    return (h - low) / (high - low + HEATMAP_STABILIZER)


def simple_gradient_at_input(logits, labels, x, create_graph=False):
    """sum_c |gradient| divided by its sum over pixels. [N, H, W]"""
    h = activation_gradient(logits, labels, x, create_graph).abs().sum(1)
    return h / h.sum(dim=(1, 2), keepdim=True)


def frame_mask(side, dtype):
    """1 on a frame of width max(1, floor(side / 7)) along the border, 0 inside."""
    width = max(1, side // 7)
    mask = torch.ones(side, side, dtype=dtype)
    mask[width : side - width, width : side - width] = 0
    return mask


def location_losses(heatmaps):
    """(1/d_h) ||h_i - m||^2 of each image. [N]"""
    mask = frame_mask(heatmaps.shape[-1], heatmaps.dtype)
    return (heatmaps - mask).square().mean(dim=(1, 2))
