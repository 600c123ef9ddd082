"""Makes Tests/ProgramsTests/Fixtures/keras-nested/k3-attention.keras and .json: attention over channels and
positions and other operations between layers, with Keras's logits of two images.

Run once, by hand, from the root of the repository, with keras (3.15.1 was used) and torch:
python3 tools/make_attention_fixtures.py
"""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from keras import layers, ops

image = keras.Input((12, 12, 3))
x = layers.Conv2D(6, 3, name="c1")(image)
x = ops.leaky_relu(x, 0.1)
# Over the channels: what is alike at all positions, and what is largest.
dense = layers.Dense(6, name="shared")
mean, most = ops.mean(x, axis=(1, 2), keepdims=True), ops.max(x, axis=(1, 2), keepdims=True)
x = layers.Multiply(name="gated")([x, layers.Activation("sigmoid")(dense(mean) + dense(most))])
# Over the positions.
both = layers.Concatenate(name="both")(
    [ops.mean(x, axis=-1, keepdims=True), ops.max(x, axis=-1, keepdims=True)])
x = x * layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="where")(both)
x = layers.Add(name="spread")([layers.Identity(name="same")(x), dense(most)])
x = ops.clip(x, -1.5, 2.0)
y = layers.Conv2D(6, 1, name="c2")(x)
x = layers.Minimum(name="least")([x, ops.clip(y, 0, 1)])
x = layers.Dense(4, name="top")(ops.mean(x, axis=[1, 2]))
model = keras.Model(image, x, name="attention")

random = np.random.RandomState(0)
model.set_weights([(0.5 * random.randn(*v.shape)).astype("f4") for v in model.weights])
n, h, w, c = np.meshgrid(range(2), range(12), range(12), range(3), indexing="ij")
images = ((31 * h + 17 * w + 7 * c + 11 * n) % 23 / 11 - 1).astype("f4")
logits = keras.ops.convert_to_numpy(model(images, training=False))
folder = "Tests/ProgramsTests/Fixtures/keras-nested/"
model.save(folder + "k3-attention.keras")
with open(folder + "k3-attention.json", "w") as file:
    json.dump(logits.astype(float).tolist(), file, indent=1)
    file.write("\n")
