"""One work in eager PyTorch, channels-last; runs once for each line read, and answers with the
seconds and the values, as `trompe bench --paced` does.

    python peer_pytorch.py NETWORK WORK WEIGHTS [--device cuda] [--batch N] [--threads N] [--bf16]
        [--rules autograd]
"""

import argparse
import contextlib
import json
import resource
import sys
import time

import torch
import torch.nn.functional as F

import weights
import works


class Operations:
    """Parameters are trained unless `explained` names the layer at which heatmaps are wanted: then
    only what is behind that layer is recorded."""

    def __init__(self, parameters, explained=None, device="cpu"):
        self.trained, self.fixed, self.device = {}, {}, device
        self.explained = explained
        for name, value in parameters.items():
            tensor = torch.from_numpy(value).to(device)
            if tensor.ndim == 4:
                tensor = tensor.contiguous(memory_format=torch.channels_last)
            if "running" in name:
                self.fixed[name] = tensor
            else:
                self.trained[name] = tensor.requires_grad_(explained is None)

    def watch(self, name, x):
        return x.detach().requires_grad_() if name == self.explained else x

    def image(self, images, is_differentiated):
        return images.requires_grad_(is_differentiated)

    def convolution(self, x, name, width, kernel, stride=1, padding=None, bias=True):
        return F.conv2d(
            x, self.trained[f"{name}.weight"], self.trained[f"{name}.bias"] if bias else None,
            stride, kernel // 2 if padding is None else padding)

    def same_convolution(self, x, name, width, kernel, stride):
        x, padding = self._same(x, kernel, stride)
        return F.conv2d(x, self.trained[f"{name}.weight"], None, stride, padding)

    def depthwise(self, x, name, kernel, stride, same=False):
        x, padding = self._same(x, kernel, stride) if same else (x, kernel // 2)
        return F.conv2d(
            x, self.trained[f"{name}.weight"], None, stride, padding, groups=x.shape[1])

    @staticmethod
    def _same(x, kernel, stride):
        """TensorFlow's padding, which copies the image only where its sides differ."""
        sides = []
        for size in (x.shape[3], x.shape[2]):
            padding = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            sides += [padding // 2, padding - padding // 2]
        if sides[0] == sides[1] and sides[2] == sides[3]:
            return x, (sides[2], sides[0])
        return F.pad(x, sides), 0

    def batch_norm(self, x, name, epsilon):
        return F.batch_norm(
            x, self.fixed[f"{name}.running_mean"], self.fixed[f"{name}.running_var"],
            self.trained[f"{name}.weight"], self.trained[f"{name}.bias"], False, 0, epsilon)

    def dense(self, x, name, width):
        return F.linear(x, self.trained[f"{name}.weight"], self.trained[f"{name}.bias"])

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

    def cross_entropy(self, logits, labels):
        return F.cross_entropy(logits.float(), labels)

    def score(self, logits, labels):
        return logits.gather(1, labels[:, None]).sum()

    def only(self, logits, labels):
        return logits * F.one_hot(labels, logits.shape[1]).to(logits.dtype)

    def gradient(self, score, x):
        return torch.autograd.grad(score, x, create_graph=self.explained is None)[0]

    def zero(self):
        return torch.zeros((), device=self.device)

    def constant(self, value):
        return torch.from_numpy(value).to(self.device)

    def mean(self, x):
        return x.mean()

    def absolute(self, x):
        return x.abs()

    def sign(self, x):
        return torch.where(x >= 0, 1.0, -1.0)

    def sum_channels(self, x):
        return x.float().sum(1)

    def channel_means(self, x):
        return x.mean((2, 3), keepdim=True)

    def sum_image(self, x):
        return x.sum((1, 2), keepdim=True)

    def largest(self, x):
        return x.amax((1, 2), keepdim=True)

    def smallest(self, x):
        return x.amin((1, 2), keepdim=True)

    def dense_adjoint(self, y, name, x):
        return y @ self.trained[f"{name}.weight"]

    def positive_convolution(self, x, name, stride, padding, bias):
        b = F.relu(self.trained[f"{name}.bias"]) if bias else None
        return F.conv2d(x, F.relu(self.trained[f"{name}.weight"]), b, stride, padding)

    def positive_adjoint(self, y, name, stride, padding, x):
        return F.conv_transpose2d(
            y, F.relu(self.trained[f"{name}.weight"]), None, stride, padding)

    def unflatten(self, x, like):
        return x.reshape(like.shape)

    def unpool(self, x, relevance):
        _, index = F.max_pool2d(x, 2, 2, return_indices=True)
        return F.max_unpool2d(relevance.contiguous(memory_format=torch.channels_last), index, 2, 2)

    def spread(self, share, like):
        """What each pixel of a mean receives of its share."""
        return (share / (like.shape[2] * like.shape[3]))[:, :, None, None]


class AutogradRules(Operations):
    """LRP's rules as its libraries write them: what a layer passes back is a gradient by autograd, which
    is differentiated in turn."""

    def dense_adjoint(self, y, name, x):
        z = F.linear(x, self.trained[f"{name}.weight"])
        return torch.autograd.grad(z, x, y, create_graph=True)[0]

    def positive_adjoint(self, y, name, stride, padding, x):
        z = F.conv2d(x, F.relu(self.trained[f"{name}.weight"]), None, stride, padding)
        return torch.autograd.grad(z, x, y, create_graph=True)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network")
    parser.add_argument("work")
    parser.add_argument("weights")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--bf16", action="store_true", help="torch.autocast")
    parser.add_argument(
        "--rules", choices=["adjoint", "autograd"], default="adjoint",
        help="LRP's rules by transposed convolutions, or by autograd")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    # As floats, where a GPU would use fewer bits.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    if arguments.batch:
        works.networks.BATCH[arguments.network] = arguments.batch
    explained = works.networks.TARGET[arguments.network] if arguments.work == "evaluation" else None
    operations = AutogradRules if arguments.rules == "autograd" else Operations
    ops = operations(weights.read(arguments.weights), explained, arguments.device)
    images, labels = works.batch(arguments.network)
    images = torch.from_numpy(images).to(arguments.device).permute(0, 3, 1, 2)  # channels-last
    labels = torch.from_numpy(labels).to(arguments.device)
    optimizer = torch.optim.Adam(ops.trained.values(), lr=1e-7, fused=True)  # as trompe bench

    def precision():
        if not arguments.bf16:
            return contextlib.nullcontext()
        return torch.autocast(arguments.device, torch.bfloat16)

    def train():
        optimizer.zero_grad(set_to_none=True)
        with precision():
            cross_entropy, penalty = works.losses(
                arguments.network, arguments.work, ops, images, labels)
        (cross_entropy + works.LAMBDA * penalty).backward()
        optimizer.step()
        return {"crossEntropy": cross_entropy.item(), "penalty": penalty.item()}

    def evaluate():
        with precision():
            logits, heatmaps = works.explained(arguments.network, ops, images, labels)
        return {"logits": logits.sum().item(), "heatmaps": heatmaps.sum().item()}

    step = evaluate if arguments.work == "evaluation" else train
    for _ in sys.stdin:
        begin = time.perf_counter()
        values = step()
        if arguments.device == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - begin
        values["residentBytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(seconds, json.dumps(values), flush=True)


if __name__ == "__main__":
    main()
