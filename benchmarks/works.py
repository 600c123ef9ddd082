"""The works that are timed, written once over the operations of a framework.

Loss of a training step: cross-entropy + LAMBDA * mean_i (1/d)*|h_i - m|^2, h_i the heatmap of image
i for its label, m 1 on a frame of a seventh of the side (`docs/definitions.md`).
"""

import numpy

import networks

LAMBDA = 1.0
RULE_EPSILON = 0.01  # of every denominator in LRP's rules, Heo et al. 2019
SHARE_EPSILON = 1e-12


def batch(name):
    """Images [N, H, W, 3] and labels [N], by the formula of `trompe bench`."""
    count, side = networks.BATCH[name], networks.SIDE[name]
    index = numpy.arange(count * side * side * 3, dtype=numpy.uint64)
    share = (index * 2654435761 % 2**32).astype(numpy.float64) / 2**32
    images = (2 * 3**0.5 * (share - 0.5)).astype(numpy.float32)
    labels = 7 * numpy.arange(count) % networks.CLASSES[name]
    return images.reshape(count, side, side, 3), labels.astype(numpy.int64)


def frame(height, width):
    mask = numpy.ones((height, width), numpy.float32)
    border = max(1, min(height, width) // 7)
    mask[border : height - border, border : width - border] = 0
    return mask


def losses(name, work, ops, images, labels):
    """(cross-entropy, penalty) of a batch; the penalty of `classifier` is 0."""
    x = ops.image(images, is_differentiated=work == "simple-grad")
    kept = networks.forward(name, ops, x)
    cross_entropy = ops.cross_entropy(kept["logits"], labels)
    if work == "classifier":
        return cross_entropy, ops.zero()
    heatmap = _HEATMAP[work](name, ops, x, kept, labels)
    mask = ops.constant(frame(heatmap.shape[1], heatmap.shape[2]))
    return cross_entropy, ops.mean((heatmap - mask) ** 2)


def explained(name, ops, images, labels):
    """(logits, heatmaps by Grad-CAM) of a batch."""
    x = ops.image(images, is_differentiated=False)
    kept = networks.forward(name, ops, x)
    return kept["logits"], _grad_cam(name, ops, x, kept, labels)


def _simple_grad(name, ops, x, kept, labels):
    gradient = ops.gradient(ops.score(kept["logits"], labels), x)
    size = ops.sum_channels(ops.absolute(gradient))
    # Shares of the image, made comparable as before every penalty (`docs/definitions.md`).
    share = size / (ops.sum_image(size) + 1e-12)
    low, high = ops.smallest(share), ops.largest(share)
    return (share - low) / (high - low)


def _grad_cam(name, ops, x, kept, labels):
    activation = kept[networks.TARGET[name]]
    gradient = ops.gradient(ops.score(kept["logits"], labels), activation)
    evidence = ops.relu(ops.sum_channels(activation * ops.channel_means(gradient)))
    return evidence / (ops.largest(evidence) + 1e-8)


def _relevance(name, ops, x, kept, labels):
    target = kept[networks.TARGET[name]]
    relevance = ops.only(kept["logits"], labels)
    if name == "vgg19":
        for index, below in ((6, "classifier.4"), (3, "classifier.1"), (0, "flatten")):
            relevance = _epsilon_rule(
                ops, kept[below], kept[f"classifier.{index}"], f"classifier.{index}", relevance)
        relevance = ops.unpool(kept["features.35"], ops.unflatten(relevance, kept["features.36"]))
        relevance = _alpha_beta(ops, target, "features.34", 1, 3, relevance, bias=True)
    elif name == "resnet50":
        relevance = _epsilon_rule(ops, kept["pooled"], kept["logits"], "fc", relevance)
        block = "layer4.2"
        share = relevance / _stabilised(ops, kept["pooled"], SHARE_EPSILON)
        relevance = kept[block] * ops.spread(share, kept[block])
        branch, shortcut = ops.relu(kept[f"{block}.branch"]), ops.relu(kept[f"{block}.shortcut"])
        share = relevance / _stabilised(ops, branch + shortcut, SHARE_EPSILON)
        relevance = _alpha_beta(
            ops, kept[f"{block}.relu2"], f"{block}.conv3", 1, 1, branch * share)
        relevance = _alpha_beta(ops, kept[f"{block}.relu1"], f"{block}.conv2", 1, 3, relevance)
        relevance = _alpha_beta(ops, target, f"{block}.conv1", 1, 1, relevance)
        relevance = relevance + shortcut * share
    else:
        raise SystemExit(f"the peers' LRP is written for vgg19 and resnet50, not {name}")
    heatmap = ops.relu(ops.sum_channels(relevance))
    low = ops.smallest(heatmap)
    return (heatmap - low) / (ops.largest(heatmap) - low + 1e-8)


def _stabilised(ops, z, epsilon):
    return z + epsilon * ops.sign(z)


def _epsilon_rule(ops, x, z, layer, relevance):
    share = relevance / _stabilised(ops, z, RULE_EPSILON)
    return x * ops.dense_adjoint(share, layer, x)


def _alpha_beta(ops, x, layer, stride, kernel, relevance, bias=False):
    """Only positive contributions; x is not negative."""
    z = ops.positive_convolution(x, layer, stride, kernel // 2, bias)
    share = relevance / _stabilised(ops, z, RULE_EPSILON)
    return x * ops.positive_adjoint(share, layer, stride, kernel // 2, x)


_HEATMAP = {"simple-grad": _simple_grad, "grad-cam": _grad_cam, "lrp-t": _relevance}
