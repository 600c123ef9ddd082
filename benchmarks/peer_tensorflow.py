"""One work in TensorFlow, compiled by `tf.function`, NHWC; runs once for each line read, and answers
with the seconds and the values, as `trompe bench --paced` does.

    python peer_tensorflow.py NETWORK WORK WEIGHTS [--threads N] [--bf16]
"""

import argparse
import json
import os
import resource
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import h5py  # before TensorFlow, which brings an HDF5 of its own
import numpy
import tensorflow as tf

import works


class Operations:
    """With `bf16` mixed precision: parameters in float, arithmetic of convolutions and dense layers
    in bfloat16."""

    def __init__(self, parameters, bf16):
        self.variables, self.fixed = {}, {}
        self.type = tf.bfloat16 if bf16 else tf.float32
        for name, value in parameters.items():
            if value.ndim == 4:
                value = value.transpose(2, 3, 1, 0)
            if name == "classifier.0.weight":  # rows follow [7, 7, 512] here, [512, 7, 7] in PyTorch
                value = value.reshape(-1, 512, 7, 7).transpose(0, 2, 3, 1).reshape(value.shape)
            if "running" in name:
                self.fixed[name] = tf.constant(value)
            else:
                self.variables[name] = tf.Variable(value)

    def _parameter(self, name):
        return tf.cast(self.variables[name], self.type)

    def watch(self, name, x):
        return x

    def image(self, images, is_differentiated):
        return tf.cast(images, self.type)

    def _padding(self, amount):
        return [[0, 0], [amount, amount], [amount, amount], [0, 0]]

    def convolution(self, x, name, width, kernel, stride=1, padding=None, bias=True):
        padding = kernel // 2 if padding is None else padding
        y = tf.nn.conv2d(x, self._parameter(f"{name}.weight"), stride, self._padding(padding))
        return tf.nn.bias_add(y, self._parameter(f"{name}.bias")) if bias else y

    def same_convolution(self, x, name, width, kernel, stride):
        return tf.nn.conv2d(x, self._parameter(f"{name}.weight"), stride, "SAME")

    def depthwise(self, x, name, kernel, stride, same=False):
        # [rows, columns, 1, channels] becomes [rows, columns, channels, 1].
        filter = tf.transpose(self._parameter(f"{name}.weight"), [0, 1, 3, 2])
        return tf.nn.depthwise_conv2d(
            x, filter, [1, stride, stride, 1], "SAME" if same else self._padding(kernel // 2))

    def batch_norm(self, x, name, epsilon):
        scale = self.variables[f"{name}.weight"] * tf.math.rsqrt(
            self.fixed[f"{name}.running_var"] + epsilon)
        shift = self.variables[f"{name}.bias"] - self.fixed[f"{name}.running_mean"] * scale
        return x * tf.cast(scale, x.dtype) + tf.cast(shift, x.dtype)

    def dense(self, x, name, width):
        y = tf.matmul(x, self._parameter(f"{name}.weight"), transpose_b=True)
        return tf.nn.bias_add(y, self._parameter(f"{name}.bias"))

    def relu(self, x):
        return tf.nn.relu(x)

    def relu6(self, x):
        return tf.nn.relu6(x)

    def max_pool(self, x, window, stride, padding):
        # After a ReLU zeros lose against nothing, as PyTorch's padding does.
        x = tf.pad(x, self._padding(padding)) if padding else x
        return tf.nn.max_pool2d(x, window, stride, "VALID")

    def average_pool(self, x, window):
        return tf.nn.avg_pool2d(x, window, window, "VALID")

    def mean_pixels(self, x):
        return tf.reduce_mean(x, [1, 2])

    def flatten(self, x):
        return tf.reshape(x, [x.shape[0], -1])

    def concatenate(self, parts):
        return tf.concat(parts, -1)

    def subsample_and_pad(self, x, stride, padding):
        return tf.pad(x[:, ::stride, ::stride], [[0, 0], [0, 0], [0, 0], [padding, padding]])

    def cross_entropy(self, logits, labels):
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels, tf.cast(logits, tf.float32)))

    def score(self, logits, labels):
        return tf.reduce_sum(self.only(logits, labels))

    def only(self, logits, labels):
        return logits * tf.one_hot(labels, logits.shape[1], dtype=logits.dtype)

    def gradient(self, score, x):
        return tf.gradients(score, x)[0]

    def zero(self):
        return tf.zeros(())

    def constant(self, value):
        return tf.constant(value)

    def mean(self, x):
        return tf.reduce_mean(x)

    def absolute(self, x):
        return tf.abs(x)

    def sign(self, x):
        return tf.where(x >= 0, tf.ones_like(x), -tf.ones_like(x))

    def sum_channels(self, x):
        return tf.reduce_sum(tf.cast(x, tf.float32), -1)

    def channel_means(self, x):
        return tf.reduce_mean(x, [1, 2], keepdims=True)

    def sum_image(self, x):
        return tf.reduce_sum(x, [1, 2], keepdims=True)

    def largest(self, x):
        return tf.reduce_max(x, [1, 2], keepdims=True)

    def smallest(self, x):
        return tf.reduce_min(x, [1, 2], keepdims=True)

    def dense_adjoint(self, y, name, x):
        return tf.matmul(y, self._parameter(f"{name}.weight"))

    def positive_convolution(self, x, name, stride, padding, bias):
        y = tf.nn.conv2d(
            x, tf.nn.relu(self._parameter(f"{name}.weight")), stride, self._padding(padding))
        return tf.nn.bias_add(y, tf.nn.relu(self._parameter(f"{name}.bias"))) if bias else y

    def positive_adjoint(self, y, name, stride, padding, x):
        return tf.nn.conv2d_transpose(
            y, tf.nn.relu(self._parameter(f"{name}.weight")), x.shape, stride,
            self._padding(padding))

    def unflatten(self, x, like):
        return tf.reshape(x, like.shape)

    def unpool(self, x, relevance):
        pooled = tf.nn.max_pool2d(x, 2, 2, "VALID")
        return tf.raw_ops.MaxPoolGrad(
            orig_input=x, orig_output=pooled, grad=relevance, ksize=[1, 2, 2, 1],
            strides=[1, 2, 2, 1], padding="VALID")

    def spread(self, share, like):
        """What each pixel of a mean receives of its share."""
        return (share / (like.shape[1] * like.shape[2]))[:, None, None, :]


class Adam:
    """TensorFlow's own kernel for one update of one variable."""

    def __init__(self, variables):
        self.moments = [
            (tf.Variable(tf.zeros_like(v)), tf.Variable(tf.zeros_like(v))) for v in variables]
        self.powers = tf.Variable(0.9), tf.Variable(0.999)

    def update(self, variables, gradients):
        for variable, gradient, (first, second) in zip(variables, gradients, self.moments):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle, m=first.handle, v=second.handle, beta1_power=self.powers[0],
                beta2_power=self.powers[1], lr=1e-7, beta1=0.9, beta2=0.999, epsilon=1e-8,
                grad=gradient)
        self.powers[0].assign(self.powers[0] * 0.9)
        self.powers[1].assign(self.powers[1] * 0.999)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network")
    parser.add_argument("work")
    parser.add_argument("weights")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--bf16", action="store_true")
    arguments = parser.parse_args()
    if arguments.threads:
        tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    with h5py.File(arguments.weights, "r") as file:
        ops = Operations({key: numpy.array(value) for key, value in _datasets(file)}, arguments.bf16)
    images, labels = works.batch(arguments.network)
    images, labels = tf.constant(images), tf.constant(labels)
    variables = list(ops.variables.values())
    optimizer = Adam(variables) if arguments.work != "evaluation" else None

    @tf.function
    def train():
        cross_entropy, penalty = works.losses(
            arguments.network, arguments.work, ops, images, labels)
        gradients = tf.gradients(
            cross_entropy + works.LAMBDA * penalty, variables,
            unconnected_gradients=tf.UnconnectedGradients.ZERO)
        optimizer.update(variables, gradients)
        return {"crossEntropy": cross_entropy, "penalty": penalty}

    @tf.function
    def evaluate():
        logits, heatmaps = works.explained(arguments.network, ops, images, labels)
        return {
            "logits": tf.reduce_sum(tf.cast(logits, tf.float32)),
            "heatmaps": tf.reduce_sum(heatmaps),
        }

    step = evaluate if arguments.work == "evaluation" else train
    for _ in sys.stdin:
        begin = time.perf_counter()
        values = {key: float(value.numpy()) for key, value in step().items()}
        seconds = time.perf_counter() - begin
        values["residentBytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(seconds, json.dumps(values), flush=True)


def _datasets(file):
    found = []
    file.visititems(lambda name, item: found.append((name, item)) if hasattr(item, "shape") else None)
    return found


if __name__ == "__main__":
    main()
