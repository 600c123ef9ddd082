"""Seeded weights of a network, under torchvision's names, as a flat HDF5 file that all sides read.

Filters are He-normal, gamma is about 1, beta about 0, and the running statistics are those of one
forward pass over the benchmark's own batch, so that activations and gradients have usual sizes.
"""

import h5py
import numpy
import torch
import torch.nn.functional as F

import networks
import works


def _same(x, kernel, stride):
    """With the zeros of TensorFlow's padding "same", the odd row or column at the end."""
    sides = []
    for size in (x.shape[3], x.shape[2]):
        padding = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        sides += [padding // 2, padding - padding // 2]
    return F.pad(x, sides)


class _Recorder:
    """Makes a parameter the first time it is asked for, and runs with it."""

    def __init__(self):
        self.parameters = {}
        self.generator = torch.Generator().manual_seed(0)

    def watch(self, name, x):
        return x

    def _normal(self, name, shape, deviation, mean=0.0):
        value = mean + deviation * torch.randn(shape, generator=self.generator)
        self.parameters[name] = value
        return value

    def convolution(self, x, name, width, kernel, stride=1, padding=None, bias=True):
        fan = x.shape[1] * kernel * kernel
        w = self._normal(f"{name}.weight", (width, x.shape[1], kernel, kernel), (2 / fan) ** 0.5)
        b = self._normal(f"{name}.bias", (width,), 0.01) if bias else None
        return F.conv2d(x, w, b, stride, kernel // 2 if padding is None else padding)

    def same_convolution(self, x, name, width, kernel, stride):
        return self.convolution(_same(x, kernel, stride), name, width, kernel, stride, 0, bias=False)

    def depthwise(self, x, name, kernel, stride, same=False):
        channels = x.shape[1]
        w = self._normal(
            f"{name}.weight", (channels, 1, kernel, kernel), (2 / kernel**2) ** 0.5)
        if same:
            return F.conv2d(_same(x, kernel, stride), w, None, stride, groups=channels)
        return F.conv2d(x, w, None, stride, kernel // 2, groups=channels)

    def batch_norm(self, x, name, epsilon):
        gamma = self._normal(f"{name}.weight", (x.shape[1],), 0.1, 1.0)
        beta = self._normal(f"{name}.bias", (x.shape[1],), 0.1)
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        self.parameters[f"{name}.running_mean"] = mean
        self.parameters[f"{name}.running_var"] = variance
        return F.batch_norm(x, mean, variance, gamma, beta, False, 0, epsilon)

    def dense(self, x, name, width):
        w = self._normal(f"{name}.weight", (width, x.shape[1]), x.shape[1] ** -0.5)
        return F.linear(x, w, self._normal(f"{name}.bias", (width,), 0.01))

    def relu(self, x):
        return F.relu(x)

    def relu6(self, x):
        return F.relu6(x)

    def max_pool(self, x, window, stride, padding):
        return F.max_pool2d(x, window, stride, padding)

    def average_pool(self, x, window):
        return F.avg_pool2d(x, window)

    def mean_pixels(self, x):
        return x.mean((2, 3))

    def flatten(self, x):
        return x.flatten(1)

    def concatenate(self, parts):
        return torch.cat(parts, 1)

    def subsample_and_pad(self, x, stride, padding):
        return F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, padding, padding))


def write(name, path):
    recorder = _Recorder()
    images, _ = works.batch(name)
    with torch.no_grad():
        networks.forward(name, recorder, torch.from_numpy(images).permute(0, 3, 1, 2).contiguous())
    with h5py.File(path, "w") as file:
        for key, value in recorder.parameters.items():
            file[key] = value.numpy()


def read(path):
    with h5py.File(path, "r") as file:
        return {key: numpy.array(file[key]) for key in file}
