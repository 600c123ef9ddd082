"""Logits of torchvision's and Keras's networks on real photographs, with seeded weights.

    pip install torch torchvision keras h5py pillow numpy
    KERAS_BACKEND=torch python tools/make_comparison_fixtures.py --shared ../shared \
        --output Tests/NetworksTests/Fixtures [--only small]

Writes seeded-logits.json and keras-small.json. Those in the repository were made with the versions that they name under `origin`. torchvision
computes in float64, Keras in float32.

Weights need no file: each is a function of its name and position. The names are Trompe's
(`<layer>.weight`, `.bias`, `.running_mean`, `.running_var`; `weight` and `bias` of a batch norm are
gamma and beta), the positions row-major in Trompe's layout: filters [K, R, S, C / groups], dense
weights [outputs, inputs].

    h = FNV-1a (64 bits) of the name in UTF-8
    z = mix(h + (i + 1) * 0x9e3779b97f4a7c15), SplitMix64's output function, for position i
    u = (z >> 40) * 2^-23 - 1, uniform in [-1, 1), exact in single precision
    value = center + bound * u, in single precision

    convolution, dense: weight  0 +- sqrt(6 / fan-in)     (He et al. 2015)
                        bias    0 +- 0.1
    batch norm:         weight  0.8 +- 0.2                (below 1, so that residual sums stay small)
                        bias    0 +- 0.1
                        running_mean 0 +- 0.1, running_var 1 +- 0.2

Of each image's 1000 logits every 25th is kept, and the L2 norm of all.

keras-small.json: small models of all layers that are supported, as Keras writes their configuration
(`to_json`, and the attribute of a legacy .h5 file), and their logits for the images
`u` of "image", [2, height, width, 3], which models with their channels first get so. `written.json` in the output folder, if there is one, holds
configurations that Trompe wrote, by name; Keras must build them, and their logits are compared.
"""

import argparse
import hashlib
import json
import math
import pathlib
import platform

import numpy
import PIL
import torch
from PIL import Image

try:
    import torchvision
except RuntimeError:
    # torchvision built for another accelerator than torch: its own operators are not needed here.
    real = torch.library.register_fake

    def tolerant(name, *arguments, **options):
        def register(function):
            try:
                return real(name, *arguments, **options)(function)
            except RuntimeError:
                return function
        return register

    torch.library.register_fake = tolerant
    import torchvision
    torch.library.register_fake = real

import keras

SIDE = 224
STEP = 25
CLASS_FOLDERS = 4
TORCH = {
    "vgg19": "vgg19", "vgg16-bn": "vgg16_bn", "resnet18": "resnet18", "resnet50": "resnet50",
    "resnet101": "resnet101", "densenet121": "densenet121",
}
KERAS = {
    "keras-vgg16": ("VGG16", "vgg16"), "keras-vgg19": ("VGG19", "vgg19"),
    "keras-resnet50": ("ResNet50", "resnet"), "keras-densenet121": ("DenseNet121", "densenet"),
}


def uniform(name, count):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) % 2**64
    with numpy.errstate(over="ignore"):
        z = numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        z += numpy.uint64(h)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z ^= z >> numpy.uint64(31)
    return (z >> numpy.uint64(40)).astype(numpy.float32) * numpy.float32(2**-23) - numpy.float32(1)


def values(name, shape, center, bound):
    u = uniform(name, math.prod(shape))
    return (numpy.float32(center) + numpy.float32(bound) * u).reshape(shape)


BATCH_NORM = {
    "weight": (0.8, 0.2), "bias": (0, 0.1), "running_mean": (0, 0.1), "running_var": (1, 0.2),
}


def he(shape):
    return math.sqrt(6 / math.prod(shape[1:]))


def torch_weights(network):
    for path, module in network.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for suffix, (center, bound) in BATCH_NORM.items():
                tensor = getattr(module, suffix)
                tensor.data = torch.from_numpy(
                    values(f"{path}.{suffix}", tuple(tensor.shape), center, bound))
        elif isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            shape = tuple(module.weight.shape)
            if len(shape) == 4:
                shape = (shape[0], shape[2], shape[3], shape[1])
            weight = values(f"{path}.weight", shape, 0, he(shape))
            if len(shape) == 4:
                weight = weight.transpose(0, 3, 1, 2)
            module.weight.data = torch.from_numpy(numpy.ascontiguousarray(weight))
            if module.bias is not None:
                module.bias.data = torch.from_numpy(
                    values(f"{path}.bias", tuple(module.bias.shape), 0, 0.1))


KERAS_SUFFIX = {
    "gamma": "weight", "beta": "bias", "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def keras_weights(network):
    for layer in network.layers:
        new = []
        for variable in layer.weights:
            shape, name = tuple(variable.shape), variable.name
            if name in KERAS_SUFFIX:
                suffix = KERAS_SUFFIX[name]
                new.append(values(f"{layer.name}.{suffix}", shape, *BATCH_NORM[suffix]))
            elif name == "bias":
                part = ".pointwise" if isinstance(layer, keras.layers.SeparableConv2D) else ""
                new.append(values(f"{layer.name}{part}.bias", shape, 0, 0.1))
            elif name == "alpha":
                new.append(values(f"{layer.name}.weight", shape, 0.3, 0.2))
            elif name in ("mean", "variance"):
                suffix = KERAS_SUFFIX[f"moving_{name}"]
                new.append(values(f"{layer.name}.{suffix}", shape, *BATCH_NORM[suffix]))
            elif name == "count":
                new.append(numpy.zeros(shape, "int32"))
            elif name in ("depthwise_kernel", "pointwise_kernel") and isinstance(
                    layer, keras.layers.SeparableConv2D):
                part = f"{layer.name}.{name.split('_')[0]}.weight"
                rows, columns, channels, outputs = shape
                if name == "pointwise_kernel":
                    graph = (outputs, rows, columns, channels)
                    new.append(values(part, graph, 0, he(graph)).transpose(1, 2, 3, 0))
                else:
                    graph = (channels * outputs, rows, columns, 1)
                    weight = values(part, graph, 0, he(graph))
                    new.append(
                        weight.reshape(channels, outputs, rows, columns).transpose(2, 3, 0, 1))
            elif isinstance(layer, keras.layers.DepthwiseConv2D):
                rows, columns, channels, multiplier = shape
                graph = (channels * multiplier, rows, columns, 1)
                weight = values(f"{layer.name}.weight", graph, 0, he(graph))
                weight = weight.reshape(channels, multiplier, rows, columns)
                new.append(weight.transpose(2, 3, 0, 1))
            elif len(shape) == 4:
                rows, columns, inputs, outputs = shape
                graph = (outputs, rows, columns, inputs)
                weight = values(f"{layer.name}.weight", graph, 0, he(graph))
                new.append(weight.transpose(1, 2, 3, 0))
            else:
                graph = (shape[1], shape[0])
                new.append(values(f"{layer.name}.weight", graph, 0, he(graph)).T)
        if new:
            layer.set_weights(new)
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def photographs(shared):
    folders = sorted((shared / "data/imagenette/val").iterdir())[:CLASS_FOLDERS]
    pixels, records = [], []
    for folder in folders:
        path = sorted(folder.iterdir())[0]
        image = Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        pixels.append(numpy.asarray(image))
        records.append({
            "path": path.relative_to(shared).as_posix(),
            "pixelSHA256": hashlib.sha256(pixels[-1].tobytes()).hexdigest(),
        })
    return numpy.stack(pixels), records


def record(style, logits):
    assert logits.shape == (CLASS_FOLDERS, 1000)
    return {
        "style": style,
        "norms": [float(f"{numpy.linalg.norm(row):.9g}") for row in logits],
        "logits": [[float(f"{value:.9g}") for value in row[::STEP]] for row in logits],
    }


def small_models():
    layers = keras.layers
    image = layers.Input((13, 10, 3), name="image")
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="stem")(image)
    a = layers.Conv2D(8, 3, dilation_rate=2, padding="same", groups=2, use_bias=False,
                      name="dilated")(x)
    a = layers.BatchNormalization(scale=False, momentum=0.9, name="norm_a")(a)
    b = layers.DepthwiseConv2D((3, 2), padding="same", name="depthwise", activation="relu")(x)
    b = layers.BatchNormalization(center=False, epsilon=1e-5, name="norm_b")(b)
    x = layers.Add(name="sum")([a, b])
    x = layers.ReLU(name="rectified")(x)
    c = layers.DepthwiseConv2D(3, strides=(2, 2), depth_multiplier=2, padding="same",
                               name="multiplied")(x)
    d = layers.MaxPooling2D(3, strides=2, padding="same", name="largest")(x)
    e = layers.AveragePooling2D(3, strides=2, padding="same", name="means")(x)
    x = layers.Concatenate(name="all")([c, d, e])
    x = layers.ZeroPadding2D(((1, 0), (0, 2)), name="zeros")(x)
    x = layers.Conv2D(6, (2, 3), name="last")(x)
    x = layers.Activation("linear", name="same")(x)
    x = layers.Dropout(0.25, name="drop")(x)
    row = layers.Flatten(name="row")(x)
    most = layers.GlobalMaxPooling2D(name="most")(x)
    mean = layers.GlobalAveragePooling2D(name="mean")(x)
    x = layers.Concatenate(name="rows")([row, most, mean])
    x = layers.Dense(7, activation="relu", name="hidden")(x)
    x = layers.BatchNormalization(name="norm_c")(x)
    x = layers.Dense(5, activation="softmax", name="predictions")(x)
    functional = keras.Model(image, x, name="small")

    sequential = keras.Sequential([
        layers.Input((9, 8, 3)),
        layers.Conv2D(4, 3, strides=(2, 3), padding="same", name="conv"),
        layers.BatchNormalization(name="norm"),
        layers.Activation("relu", name="relu"),
        layers.MaxPooling2D(name="pool"),
        layers.Flatten(name="flatten"),
        layers.Dense(5, name="scores"),
        layers.Softmax(name="probabilities"),
    ], name="chain")
    return [functional, sequential, further_layers(), arithmetic(), planes(), turned()]


def planes():
    """Channels first, but for a part at the end and one row."""
    layers = keras.layers
    first = {"data_format": "channels_first"}
    image = layers.Input((3, 13, 10), name="image")
    x = layers.Rescaling(2.0, offset=-0.25, name="scaled")(image)
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="stem", **first)(x)
    a = layers.BatchNormalization(axis=1, name="norm_a")(x)
    a = layers.SeparableConv2D(8, 3, padding="same", name="separable", **first)(a)
    a = layers.LeakyReLU(negative_slope=0.3, name="leaky")(a)
    b = layers.DepthwiseConv2D((3, 2), padding="same", name="depthwise", **first)(x)
    b = layers.PReLU(shared_axes=[2, 3], name="slopes")(b)
    b = layers.LayerNormalization(axis=[1, 2, 3], name="norm_b")(b)
    x = layers.Add(name="sum")([a, b]) * 0.5
    s = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze", **first)(x)
    s = layers.Conv2D(8, 1, activation="sigmoid", name="excite", **first)(s)
    x = layers.Multiply(name="excited")([x, s])
    x = layers.SpatialDropout2D(0.2, name="channels_dropped", **first)(x)
    c = layers.MaxPooling2D(3, strides=2, padding="same", name="largest", **first)(x)
    d = layers.AveragePooling2D(3, strides=2, padding="same", name="means", **first)(x)
    x = layers.Concatenate(axis=1, name="both")([c, d])
    x = layers.ZeroPadding2D(((1, 0), (0, 2)), name="zeros", **first)(x)
    x = layers.UpSampling2D(2, name="larger", **first)(x)
    x = layers.Cropping2D(((1, 0), (2, 1)), name="cropped", **first)(x)
    y = layers.Conv2D(4, 3, activation="tanh", name="last", **first)(x)
    row = layers.Flatten(name="row", data_format="channels_last")(y)
    other = layers.Flatten(name="other_row", **first)(y)
    z = layers.Permute((2, 3, 1), name="turned")(x)
    z = layers.Conv2D(4, 3, activation="relu", name="usual", data_format="channels_last")(z)
    mean = layers.GlobalAveragePooling2D(name="mean", data_format="channels_last")(z)
    most = layers.GlobalMaxPooling2D(name="most", **first)(x)
    x = layers.Concatenate(name="rows")([row, other, mean, most])
    x = layers.Dense(5, activation="softmax", name="predictions")(x)
    return keras.Model(image, x, name="planes")


def turned():
    """Images with their channels last, of which the model makes planes."""
    layers = keras.layers
    first = {"data_format": "channels_first"}
    return keras.Sequential([
        layers.Input((9, 8, 3)),
        layers.Permute((3, 1, 2), name="planes"),
        layers.Conv2D(4, 3, name="conv", **first),
        layers.BatchNormalization(axis=1, name="norm"),
        layers.Activation("relu", name="relu"),
        layers.Conv2D(8, 3, name="rows_last", data_format="channels_last"),
        layers.MaxPooling2D(2, name="pool", **first),
        layers.Flatten(name="flatten", **first),
        layers.Dense(5, activation="softmax", name="predictions"),
    ], name="turned")


def further_layers():
    layers = keras.layers
    image = layers.Input((12, 10, 3), name="image")
    x = layers.RandomFlip("horizontal", name="flip")(image)
    x = layers.Rescaling(1 / 0.5, offset=-0.25, name="scaled")(x)
    x = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[0.5, 0.25, 2.0], name="constants")(x)
    x = layers.Normalization(name="adapted")(x)
    x = layers.Cropping2D(((1, 0), (0, 1)), name="cropped")(x)
    x = layers.CenterCrop(10, 8, name="middle")(x)
    x = layers.SeparableConv2D(8, 3, padding="same", depth_multiplier=2, activation="swish",
                               name="separable")(x)
    x = layers.ReLU(max_value=0.8, negative_slope=0.1, name="clipped")(x)
    a = layers.Conv2D(6, 3, padding="same", activation="gelu", name="first")(x)
    a = layers.LeakyReLU(negative_slope=0.3, name="leaky")(a)
    a = layers.LayerNormalization(name="norm")(a)
    b = layers.Conv2D(6, 1, activation="hard_sigmoid", name="second")(x)
    b = layers.PReLU(shared_axes=[1, 2], name="slopes")(b)
    c = layers.Conv2D(6, 1, activation="hard_swish", name="third")(x)
    c = layers.PReLU(name="many_slopes")(c)
    c = layers.ELU(alpha=0.7, name="elu")(c)
    x = layers.Maximum(name="largest")([a, b, c])
    x = layers.Average(name="mean_of_three")([x, a, b])
    x = layers.Subtract(name="difference")([x, c])
    s = layers.GlobalAveragePooling2D(name="squeeze")(x)
    s = layers.Reshape((1, 1, 6), name="reshaped")(s)
    s = layers.Dense(3, activation="relu6", name="reduce")(s)
    s = layers.Dense(6, activation="sigmoid", name="excite")(s)
    x = layers.Multiply(name="excited")([x, s])
    x = layers.SpatialDropout2D(0.2, name="channels_dropped")(x)
    x = layers.GaussianNoise(0.1, name="noise")(x)
    y = layers.UpSampling2D((2, 3), name="nearest")(x)
    y = layers.AveragePooling2D((2, 3), name="back")(y)
    z = layers.UpSampling2D(2, interpolation="bilinear", name="smooth")(x)
    z = layers.Resizing(10, 8, name="resized")(z)
    z = layers.Permute((2, 1, 3), name="turned")(z)
    z = layers.Reshape((10, 8, 6), name="other_shape")(z)
    x = layers.Concatenate(name="both")([y, z])
    x = layers.Activation("tanh", name="bounded")(x)
    x = layers.Conv2D(5, 3, activation="softplus", name="last")(x)
    x = layers.LayerNormalization(axis=[1, 2, 3], center=False, name="whole_norm")(x)
    x = layers.Activation("selu", name="selu")(x)
    x = layers.Permute((3, 1, 2), name="channels_first")(x)
    x = layers.Flatten(name="row")(x)
    x = layers.Dense(7, activation="mish", name="hidden")(x)
    x = layers.Dense(6, activation="softsign", name="signs")(x)
    x = layers.Dense(5, activation="softmax", name="predictions")(x)
    return keras.Model(image, x, name="further")


def arithmetic():
    layers = keras.layers
    # PyTorch has no negative steps, which is all that this model does with indices.
    keras.src.ops.numpy.GetItem.call = lambda self, x, key: torch.flip(x, [-1])
    image = layers.Input((6, 5, 3), name="image")
    x = image[..., ::-1]
    x = x * 2.0 - 1.0
    x = 3.0 - x / 4.0
    x = x + numpy.array([0.5, -0.25, 0.125])
    a = layers.Conv2D(4, 3, name="a")(x)
    b = layers.Conv2D(4, 3, activation="sigmoid", name="b")(x)
    x = -(a + b) * b / (b + 1.0) - a
    x = keras.ops.silu(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    x = layers.Dense(5, activation="softmax", name="predictions")(x)
    return keras.Model(image, x, name="arithmetic")


def legacy_configuration(network):
    from keras.src.legacy.saving import saving_options, saving_utils
    with saving_options.keras_option_scope(use_legacy_config=True):
        metadata = saving_utils.model_metadata(network, include_optimizer=False)
        return json.dumps(metadata["model_config"], default=lambda value: value.get_config())


def logits_before_softmax(network):
    keras_weights(network)
    _, *extents = network.input_shape
    is_first = extents[0] == 3
    height, width, channels = extents[1:] + extents[:1] if is_first else extents
    shape = (2, height, width, channels)
    images = uniform("image", math.prod(shape)).reshape(shape)
    probabilities = network(
        images.transpose(0, 3, 1, 2) if is_first else images, training=False)
    # Softmax forgets a summand that all have in common: logits less their mean.
    logits = numpy.log(keras.ops.convert_to_numpy(probabilities).astype("float64"))
    return logits - logits.mean(axis=1, keepdims=True)


def small_fixture(origin, output):
    keras.config.set_floatx("float64")
    models = []
    for network in small_models():
        # Single precision is what a file says; double is what the logits deserve.
        configuration = network.to_json().replace("float64", "float32")
        legacy = legacy_configuration(network).replace("float64", "float32")
        models.append({
            "name": network.name, "config": configuration, "legacyConfig": legacy,
            "logits": logits_before_softmax(network).tolist(),
        })
    written = output / "written.json"
    if written.exists():
        for name, configuration in json.loads(written.read_text()).items():
            from keras.src.legacy.saving import saving_utils
            network = saving_utils.model_from_config(
                json.loads(configuration.replace("float32", "float64")))
            expected = [model["logits"] for model in models if model["name"] == name]
            order = [layer["config"]["name"] for layer in json.loads(configuration)["config"]["layers"]]
            assert order == [layer.name for layer in network.layers], name
            if expected:
                difference = abs(logits_before_softmax(network) - numpy.array(expected[0])).max()
                print(f"{name} as Trompe writes it: {difference:.1e}")
                assert difference < 1e-9
            else:
                print(f"{name} as Trompe writes it: {network.count_params()} parameters")
    content = {"origin": origin, "models": models}
    (output / "keras-small.json").write_text(json.dumps(content, indent=0) + "\n")
    keras.config.set_floatx("float32")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--only", choices=["small"])
    options = parser.parse_args()
    origin = {
        "script": "tools/make_comparison_fixtures.py", "torch": torch.__version__,
        "torchvision": torchvision.__version__, "keras": keras.__version__,
        "kerasBackend": keras.backend.backend(), "numpy": numpy.__version__,
        "pillow": PIL.__version__, "python": platform.python_version(),
    }
    small_fixture(origin, options.output)
    if options.only == "small":
        return
    pixels, images = photographs(options.shared)
    networks = {}

    mean = numpy.array([0.485, 0.456, 0.406])
    deviation = numpy.array([0.229, 0.224, 0.225])
    x = torch.from_numpy(((pixels / 255 - mean) / deviation).transpose(0, 3, 1, 2))
    for family, name in TORCH.items():
        network = getattr(torchvision.models, name)(weights=None).eval()
        torch_weights(network)
        with torch.no_grad():
            networks[family] = record("torch", network.double()(x).numpy())
        print(family, networks[family]["norms"], flush=True)

    for family, (name, module) in KERAS.items():
        network = getattr(keras.applications, name)(weights=None, classifier_activation=None)
        keras_weights(network)
        preprocess = getattr(keras.applications, module).preprocess_input
        style = "torch" if module == "densenet" else "caffe"
        logits = network(preprocess(pixels.astype("float32")), training=False)
        networks[family] = record(style, keras.ops.convert_to_numpy(logits).astype("float64"))
        print(family, networks[family]["norms"], flush=True)

    content = {
        "origin": origin, "side": SIDE, "step": STEP, "images": images, "networks": networks,
    }
    (options.output / "seeded-logits.json").write_text(json.dumps(content, separators=(",", ":")).replace("},", "},\n") + "\n")


if __name__ == "__main__":
    main()
