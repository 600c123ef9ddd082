"""One work in JAX, compiled by `jax.jit` with parameters and moments donated, NHWC; runs once for each
line read, and answers with the seconds and the values, as `trompe bench --paced` does.

    python peer_jax.py NETWORK WORK WEIGHTS [--device cuda] [--batch N] [--bf16]
"""

import argparse
import json
import os
import resource
import sys
import time

import jax
import jax.numpy as jnp
import numpy
from jax import lax

import weights
import works


class Operations:
    """What is connected with what is traced; with `moved`, an activation has `change` added to it, so that
    a gradient in it can be asked for."""

    def __init__(self, network, parameters, fixed, images, labels, bf16, moved=None, change=None):
        self.network, self.parameters, self.fixed = network, parameters, fixed
        self.images, self.labels, self.bf16 = images, labels, bf16
        self.moved, self.change = moved, change

    def watch(self, name, x):
        return x + self.change if name == self.moved else x

    def image(self, images, is_differentiated):
        return images + self.change if self.moved == "image" else images

    def gradient(self, score, x):
        """The score is computed again as a function of a change of x; XLA computes what both share once."""
        moved = "image" if x.shape == self.images.shape else works.networks.TARGET[self.network]

        def score_of(change):
            ops = Operations(
                self.network, self.parameters, self.fixed, self.images, self.labels, self.bf16,
                moved, change)
            kept = works.networks.forward(self.network, ops, ops.image(self.images, False))
            return self.score(kept["logits"], self.labels)

        return jax.grad(score_of)(jnp.zeros_like(x))

    def _convolve(self, x, filter, stride, padding, groups=1):
        if self.bf16:
            x, filter = x.astype(jnp.bfloat16), filter.astype(jnp.bfloat16)
        if isinstance(padding, int):
            padding = [(padding, padding)] * 2
        return lax.conv_general_dilated(
            x, filter, (stride, stride), padding, dimension_numbers=("NHWC", "OIHW", "NHWC"),
            feature_group_count=groups).astype(jnp.float32)

    def convolution(self, x, name, width, kernel, stride=1, padding=None, bias=True):
        y = self._convolve(
            x, self.parameters[f"{name}.weight"], stride, kernel // 2 if padding is None else padding)
        return y + self.parameters[f"{name}.bias"] if bias else y

    def same_convolution(self, x, name, width, kernel, stride):
        return self._convolve(x, self.parameters[f"{name}.weight"], stride, "SAME")

    def depthwise(self, x, name, kernel, stride, same=False):
        return self._convolve(
            x, self.parameters[f"{name}.weight"], stride, "SAME" if same else kernel // 2,
            groups=x.shape[3])

    def batch_norm(self, x, name, epsilon):
        scale = self.parameters[f"{name}.weight"] * lax.rsqrt(
            self.fixed[f"{name}.running_var"] + epsilon)
        shift = self.parameters[f"{name}.bias"] - self.fixed[f"{name}.running_mean"] * scale
        return x * scale + shift

    def dense(self, x, name, width):
        return x @ self.parameters[f"{name}.weight"].T + self.parameters[f"{name}.bias"]

    def relu(self, x):
        return jnp.maximum(x, 0)

    def relu6(self, x):
        return jnp.clip(x, 0, 6)

    def max_pool(self, x, window, stride, padding):
        sides = [(0, 0), (padding, padding), (padding, padding), (0, 0)]
        return lax.reduce_window(
            x, -jnp.inf, lax.max, (1, window, window, 1), (1, stride, stride, 1), sides)

    def average_pool(self, x, window):
        shape = (1, window, window, 1)
        return lax.reduce_window(x, 0.0, lax.add, shape, shape, "VALID") / window**2

    def mean_pixels(self, x):
        return x.mean((1, 2))

    def flatten(self, x):
        return x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)  # as PyTorch counts

    def concatenate(self, parts):
        return jnp.concatenate(parts, -1)

    def subsample_and_pad(self, x, stride, padding):
        return jnp.pad(x[:, ::stride, ::stride], [(0, 0), (0, 0), (0, 0), (padding, padding)])

    def cross_entropy(self, logits, labels):
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1).mean()

    def score(self, logits, labels):
        return jnp.take_along_axis(logits, labels[:, None], 1).sum()

    def only(self, logits, labels):
        return logits * jax.nn.one_hot(labels, logits.shape[1])

    def zero(self):
        return jnp.zeros(())

    def constant(self, value):
        return jnp.asarray(value)

    def mean(self, x):
        return x.mean()

    def absolute(self, x):
        return jnp.abs(x)

    def sign(self, x):
        return jnp.where(x >= 0, 1.0, -1.0)

    def sum_channels(self, x):
        return x.sum(-1)

    def channel_means(self, x):
        return x.mean((1, 2), keepdims=True)

    def sum_image(self, x):
        return x.sum((1, 2), keepdims=True)

    def largest(self, x):
        return x.max((1, 2), keepdims=True)

    def smallest(self, x):
        return x.min((1, 2), keepdims=True)

    def dense_adjoint(self, y, name, x):
        return y @ self.parameters[f"{name}.weight"]

    def positive_convolution(self, x, name, stride, padding, bias):
        y = self._convolve(x, jnp.maximum(self.parameters[f"{name}.weight"], 0), stride, padding)
        return y + jnp.maximum(self.parameters[f"{name}.bias"], 0) if bias else y

    def positive_adjoint(self, y, name, stride, padding, x):
        filter = jnp.maximum(self.parameters[f"{name}.weight"], 0)
        back = jax.linear_transpose(lambda x: self._convolve(x, filter, stride, padding), x)
        return back(y)[0]

    def unflatten(self, x, like):
        count, height, width, channels = like.shape
        return x.reshape(count, channels, height, width).transpose(0, 2, 3, 1)

    def unpool(self, x, relevance):
        return jax.vjp(lambda x: self.max_pool(x, 2, 2, 0), x)[1](relevance)[0]

    def spread(self, share, like):
        """What each pixel of a mean receives of its share."""
        return (share / (like.shape[1] * like.shape[2]))[:, None, None, :]


def adam(parameters, moments, gradients, step, rate=1e-7):  # as trompe bench
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, moments[0], gradients)
    second = jax.tree.map(lambda m, g: 0.999 * m + 0.001 * g * g, moments[1], gradients)
    scale = jnp.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    changed = jax.tree.map(
        lambda p, m, v: p - rate * scale * m / (jnp.sqrt(v) + 1e-8 * jnp.sqrt(1 - 0.999**step)),
        parameters, first, second)
    return changed, (first, second)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network")
    parser.add_argument("work")
    parser.add_argument("weights")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--bf16", action="store_true", help="convolutions multiply in bfloat16")
    arguments = parser.parse_args()
    if arguments.threads and arguments.device == "cpu":
        # XLA takes a thread for each processor that the process may use, when it starts.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    # As floats, where a GPU would use fewer bits; and the devices there are.
    jax.config.update("jax_default_matmul_precision", "highest")
    jax.config.update("jax_platforms", arguments.device)
    if arguments.batch:
        works.networks.BATCH[arguments.network] = arguments.batch
    values = {name: jnp.asarray(value) for name, value in weights.read(arguments.weights).items()}
    fixed = {name: value for name, value in values.items() if "running" in name}
    parameters = {name: value for name, value in values.items() if "running" not in name}
    images, labels = works.batch(arguments.network)
    images, labels = jnp.asarray(images), jnp.asarray(labels.astype(numpy.int32))

    # Traced images: a gradient that began from a constant would share nothing with the forward pass.
    def operations(parameters, images):
        return Operations(
            arguments.network, parameters, fixed, images, labels, arguments.bf16)

    def loss(parameters, images):
        cross_entropy, penalty = works.losses(
            arguments.network, arguments.work, operations(parameters, images), images, labels)
        return cross_entropy + works.LAMBDA * penalty, (cross_entropy, penalty)

    def train(parameters, moments, step, images):
        gradients, values = jax.grad(loss, has_aux=True)(parameters, images)
        return *adam(parameters, moments, gradients, step), values

    def evaluate(parameters, images):
        logits, heatmaps = works.explained(
            arguments.network, operations(parameters, images), images, labels)
        return logits.sum(), heatmaps.sum()

    is_evaluation = arguments.work == "evaluation"
    compiled = jax.jit(evaluate) if is_evaluation else jax.jit(train, donate_argnums=(0, 1))
    moments = tuple(jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))
    count = 0
    for _ in sys.stdin:
        begin = time.perf_counter()
        if is_evaluation:
            logits, heatmaps = compiled(parameters, images)
            results = {"logits": float(logits), "heatmaps": float(heatmaps)}
        else:
            count += 1
            parameters, moments, losses = compiled(
                parameters, moments, jnp.float32(count), images)
            results = {"crossEntropy": float(losses[0]), "penalty": float(losses[1])}
            jax.block_until_ready(parameters)
        seconds = time.perf_counter() - begin
        results["residentBytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(seconds, json.dumps(results), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    main()
