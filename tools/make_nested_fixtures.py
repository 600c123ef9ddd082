"""Makes the files of Tests/ProgramsTests/Fixtures/keras-nested: models within models, a model that
is called twice, two outputs, each as .keras and as .h5, with the logits of two images.

Run once, by hand, from the root of the repository, in an environment with Keras 3 and in one with
TensorFlow 2.15, whose Keras is version 2: python3 tools/make_nested_fixtures.py
"""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "torch")

try:
    import tensorflow as tf
    keras, dialect = tf.keras, "k2"
except ImportError:
    import keras
    dialect = "k3"
import numpy as np

layers = keras.layers
folder = "Tests/ProgramsTests/Fixtures/keras-nested"
os.makedirs(folder, exist_ok=True)


def base(name):
    """A functional model with a sequential one in it."""
    image = keras.Input((12, 12, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="c1")(image)
    x = layers.MaxPooling2D(name="pool")(x)
    deep = keras.Sequential(
        [
            keras.Input((5, 5, 4)),
            layers.Conv2D(5, 1, name="p"),
            layers.BatchNormalization(name="bn"),
            layers.ReLU(name="rectified"),
        ], name="deep")
    return keras.Model(image, deep(x), name=name)


def twice():
    """A frozen base that sees the image and its positive part; two outputs."""
    image = keras.Input((12, 12, 3), name="image")
    shared = base("vgg")
    shared.trainable = False
    seen = shared(image, training=False)
    positive = shared(layers.ReLU(name="positive")(image), training=False)
    x = layers.GlobalAveragePooling2D(name="mean")(layers.Add(name="sum")([seen, positive]))
    return keras.Model(
        image, [layers.Dense(3, name="kind")(x), layers.Dense(2, name="side")(x)], name="twice")


def sequence():
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)), base("base"), layers.Conv2D(5, 3, name="c1"),
            layers.GlobalMaxPooling2D(name="most"), layers.Dense(3, name="d"),
        ], name="sequence")


def fill(model):
    random = np.random.RandomState(0)
    arrays = []
    for variable in model.weights:
        array = 0.5 * random.randn(*variable.shape)
        if "variance" in variable.name or "gamma" in variable.name:
            array = 0.5 + np.abs(array)
        arrays.append(array.astype("f4"))
    model.set_weights(arrays)


n, h, w, c = np.meshgrid(range(2), range(12), range(12), range(3), indexing="ij")
images = ((31 * h + 17 * w + 7 * c + 11 * n) % 23 / 11 - 1).astype("f4")
expected = {}
for build in [twice, sequence]:
    model = build()
    fill(model)
    outputs = model(images, training=False)
    names = ["kind", "side"] if build is twice else [""]
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    expected[build.__name__] = {
        name: np.asarray(output.detach() if hasattr(output, "detach") else output).tolist()
        for name, output in zip(names, outputs)
    }
    model.save(f"{folder}/{dialect}-{build.__name__}.keras")
    model.save(f"{folder}/{dialect}-{build.__name__}.h5", include_optimizer=False)
with open(f"{folder}/{dialect}-logits.json", "w") as file:
    json.dump(expected, file, indent=1)
    file.write("\n")
