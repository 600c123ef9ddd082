"""The networks that are timed, written once over the operations of a framework.

`Operations` of `peer_pytorch.py` and `peer_tensorflow.py` say what a convolution is; here stands
what is connected with what. Parameters have torchvision's names (those of
akamaster/pytorch_resnet_cifar10 for the CIFAR ResNet). Batch norms are frozen: a scale and shift by
running statistics, through which gradients reach gamma and beta.

A forward pass returns what was kept, by name, the logits as `logits`; `watch` sees it on its way.
"""

EPSILON = 1e-5  # of every batch norm

CLASSES = {
    "vgg19": 1000, "resnet50": 1000, "densenet121": 1000, "resnet18": 10, "cifar-resnet56": 10,
    "mobilenet-v2": 1000, "efficientnet-lite0": 1000,
}
SIDE = {
    "vgg19": 224, "resnet50": 224, "densenet121": 224, "resnet18": 160, "cifar-resnet56": 32,
    "mobilenet-v2": 224, "efficientnet-lite0": 224,
}
BATCH = {
    "vgg19": 8, "resnet50": 8, "densenet121": 8, "resnet18": 8, "cifar-resnet56": 128,
    "mobilenet-v2": 8, "efficientnet-lite0": 8,
}
TARGET = {
    "vgg19": "features.33", "resnet50": "layer4.1", "densenet121": "features.denseblock4",
    "resnet18": "layer3", "cifar-resnet56": "layer3", "mobilenet-v2": "features.16",
    "efficientnet-lite0": "_blocks.14",
}


def forward(name, ops, x):
    kept = {}

    def keep(activation, value):
        kept[activation] = ops.watch(activation, value)
        return kept[activation]

    keep("logits", _FORWARD[name](ops, x, keep))
    return kept


def _vgg19(ops, x, keep):
    number = 0
    for width, count in zip((64, 128, 256, 512, 512), (2, 2, 4, 4, 4)):
        for _ in range(count):
            x = keep(f"features.{number}", ops.convolution(x, f"features.{number}", width, 3))
            x = keep(f"features.{number + 1}", ops.relu(x))
            number += 2
        x = keep(f"features.{number}", ops.max_pool(x, 2, 2, 0))
        number += 1
    x = keep("flatten", ops.flatten(x))
    for index, width in ((0, 4096), (3, 4096), (6, CLASSES["vgg19"])):
        x = keep(f"classifier.{index}", ops.dense(x, f"classifier.{index}", width))
        if index < 6:
            x = keep(f"classifier.{index + 1}", ops.relu(x))
    return x


def _convolution_norm(ops, x, convolution, norm, width, kernel, stride=1):
    x = ops.convolution(x, convolution, width, kernel, stride, kernel // 2, bias=False)
    return ops.batch_norm(x, norm, EPSILON)


def _resnet(name, depths, is_bottleneck):
    def build(ops, x, keep):
        x = ops.relu(_convolution_norm(ops, x, "conv1", "bn1", 64, 7, 2))
        x = ops.max_pool(x, 3, 2, 1)
        for stage, (width, depth) in enumerate(zip((64, 128, 256, 512), depths), start=1):
            for index in range(depth):
                block = f"layer{stage}.{index}"
                stride = 2 if stage > 1 and index == 0 else 1
                output = 4 * width if is_bottleneck else width
                shortcut = x
                if is_bottleneck:
                    y = keep(f"{block}.relu1", ops.relu(
                        _convolution_norm(ops, x, f"{block}.conv1", f"{block}.bn1", width, 1)))
                    y = keep(f"{block}.relu2", ops.relu(_convolution_norm(
                        ops, y, f"{block}.conv2", f"{block}.bn2", width, 3, stride)))
                    y = _convolution_norm(ops, y, f"{block}.conv3", f"{block}.bn3", output, 1)
                else:
                    y = ops.relu(_convolution_norm(
                        ops, x, f"{block}.conv1", f"{block}.bn1", width, 3, stride))
                    y = _convolution_norm(ops, y, f"{block}.conv2", f"{block}.bn2", output, 3)
                if index == 0 and (stage > 1 or is_bottleneck):
                    shortcut = _convolution_norm(
                        ops, x, f"{block}.downsample.0", f"{block}.downsample.1", output, 1, stride)
                y = keep(f"{block}.branch", y)
                shortcut = keep(f"{block}.shortcut", shortcut)
                x = keep(block, ops.relu(y + shortcut))
            x = keep(f"layer{stage}", x)
        return ops.dense(keep("pooled", ops.mean_pixels(x)), "fc", CLASSES[name])
    return build


def _densenet121(ops, x, keep):
    x = ops.convolution(x, "features.conv0", 64, 7, 2, 3, bias=False)
    x = ops.max_pool(ops.relu(ops.batch_norm(x, "features.norm0", EPSILON)), 3, 2, 1)
    channels = 64
    for block, layers in enumerate((6, 12, 24, 16), start=1):
        for layer in range(1, layers + 1):
            name = f"features.denseblock{block}.denselayer{layer}"
            y = ops.relu(ops.batch_norm(x, f"{name}.norm1", EPSILON))
            y = ops.convolution(y, f"{name}.conv1", 128, 1, bias=False)
            y = ops.relu(ops.batch_norm(y, f"{name}.norm2", EPSILON))
            y = ops.convolution(y, f"{name}.conv2", 32, 3, bias=False)
            x = ops.concatenate([x, y])
            channels += 32
        x = keep(f"features.denseblock{block}", x)
        if block < 4:
            name = f"features.transition{block}"
            channels //= 2
            x = ops.relu(ops.batch_norm(x, f"{name}.norm", EPSILON))
            x = ops.average_pool(ops.convolution(x, f"{name}.conv", channels, 1, bias=False), 2)
    x = ops.relu(ops.batch_norm(x, "features.norm5", EPSILON))
    return ops.dense(ops.mean_pixels(x), "classifier", CLASSES["densenet121"])


def _cifar_resnet56(ops, x, keep):
    x = ops.relu(_convolution_norm(ops, x, "conv1", "bn1", 16, 3))
    channels = 16
    for stage, width in enumerate((16, 32, 64), start=1):
        for index in range(9):
            block = f"layer{stage}.{index}"
            stride = 1 if width == channels else 2
            y = ops.relu(_convolution_norm(
                ops, x, f"{block}.conv1", f"{block}.bn1", width, 3, stride))
            y = _convolution_norm(ops, y, f"{block}.conv2", f"{block}.bn2", width, 3)
            if stride == 2:  # option A: every second pixel, zero channels on both sides
                x = ops.subsample_and_pad(x, 2, (width - channels) // 2)
            x = ops.relu(y + x)
            channels = width
        x = keep(f"layer{stage}", x)
    return ops.dense(ops.mean_pixels(x), "linear", CLASSES["cifar-resnet56"])


def _mobilenet_v2(ops, x, keep):
    x = ops.relu6(_convolution_norm(ops, x, "features.0.0", "features.0.1", 32, 3, 2))
    channels, number = 32, 1
    for expansion, width, count, first in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2),
                                           (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
                                           (6, 320, 1, 1)):
        for index in range(count):
            block, stride, y, step = f"features.{number}", first if index == 0 else 1, x, 0
            if expansion != 1:
                y = ops.relu6(_convolution_norm(
                    ops, y, f"{block}.conv.0.0", f"{block}.conv.0.1", expansion * channels, 1))
                step = 1
            y = ops.depthwise(y, f"{block}.conv.{step}.0", 3, stride)
            y = ops.relu6(ops.batch_norm(y, f"{block}.conv.{step}.1", EPSILON))
            y = _convolution_norm(
                ops, y, f"{block}.conv.{step + 1}", f"{block}.conv.{step + 2}", width, 1)
            x = keep(block, x + y if stride == 1 and width == channels else y)
            channels, number = width, number + 1
    x = ops.relu6(_convolution_norm(ops, x, "features.18.0", "features.18.1", 1280, 1))
    return ops.dense(ops.mean_pixels(x), "classifier.1", CLASSES["mobilenet-v2"])


def _efficientnet_lite0(ops, x, keep):
    epsilon = 1e-3

    def pointwise(x, convolution, norm, width):
        return ops.batch_norm(
            ops.convolution(x, convolution, width, 1, bias=False), norm, epsilon)

    # TensorFlow's padding "same": of an even image under a stride of 2 the odd row is at the end.
    x = ops.same_convolution(x, "_conv_stem", 32, 3, 2)
    x = ops.relu6(ops.batch_norm(x, "_bn0", epsilon))
    channels, number = 32, 0
    for expansion, kernel, width, count, first in ((1, 3, 16, 1, 1), (6, 3, 24, 2, 2),
                                                   (6, 5, 40, 2, 2), (6, 3, 80, 3, 2),
                                                   (6, 5, 112, 3, 1), (6, 5, 192, 4, 2),
                                                   (6, 3, 320, 1, 1)):
        for index in range(count):
            block, stride, y = f"_blocks.{number}", first if index == 0 else 1, x
            if expansion != 1:
                y = ops.relu6(pointwise(
                    y, f"{block}._expand_conv", f"{block}._bn0", expansion * channels))
            y = ops.depthwise(y, f"{block}._depthwise_conv", kernel, stride, same=True)
            y = ops.relu6(ops.batch_norm(y, f"{block}._bn1", epsilon))
            y = pointwise(y, f"{block}._project_conv", f"{block}._bn2", width)
            x = keep(block, x + y if stride == 1 and width == channels else y)
            channels, number = width, number + 1
    x = ops.relu6(pointwise(x, "_conv_head", "_bn1", 1280))
    return ops.dense(ops.mean_pixels(x), "_fc", CLASSES["efficientnet-lite0"])


_FORWARD = {
    "vgg19": _vgg19, "resnet50": _resnet("resnet50", (3, 4, 6, 3), True),
    "resnet18": _resnet("resnet18", (2, 2, 2, 2), False), "densenet121": _densenet121,
    "cifar-resnet56": _cifar_resnet56, "mobilenet-v2": _mobilenet_v2,
    "efficientnet-lite0": _efficientnet_lite0,
}
