"""Makes Tests/CheckpointsTests/Fixtures/keras-*: one small network in Keras's three layouts, written
by Keras itself, and the same weights as safetensors by its own library.

Run once, by hand, from the root of the repository, with keras (3.15.1 was used), torch, h5py and
safetensors: KERAS_BACKEND=torch python3 tools/make_keras_fixtures.py

Every array is a ramp: the i-th number of the n-th array is n + i / 64, in the order of the file.
"""

import os

import h5py
import keras
import numpy as np
import safetensors.numpy
from keras import layers

folder = "Tests/CheckpointsTests/Fixtures/"


def network():
    image = layers.Input((6, 6, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="first")(image)
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depth")(x)
    y = layers.BatchNormalization(name="norm")(y)
    y = layers.ReLU(name="relu")(y)
    # Created after the branch above, but nearer to the input: Keras's order is not that of creation.
    z = layers.Conv2D(4, 1, groups=2, name="short")(x)
    x = layers.Add(name="sum")([y, z])
    x = layers.Dropout(0.5, name="drop")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(3, activation="softmax", name="top")(x)
    return keras.Model(image, x, name="tiny")


model = network()
number = 0
for layer in model.layers:
    arrays = []
    for array in layer.get_weights():
        if array.dtype != np.float32:
            arrays.append(array)
            continue
        arrays.append(number + np.arange(array.size, dtype="f4").reshape(array.shape) / 64)
        number += 1
    layer.set_weights(arrays)

model.save_weights(folder + "keras-tiny.weights.h5")
model.save(folder + "keras-tiny-model.h5", include_optimizer=False)
# The weights alone as Keras 2 wrote them: the same group as the root of a file.
with h5py.File(folder + "keras-tiny-weights.h5", "w") as file:
    keras.src.legacy.saving.legacy_h5_format.save_weights_to_hdf5_group(file, model)
# As others may store them: behind a block of the user's, in compressed chunks, in other floats.
with h5py.File(folder + "keras-tiny-odd.h5", "w", userblock_size=512) as to:
    with h5py.File(folder + "keras-tiny-weights.h5") as file:
        for name in file:
            file.copy(name, to)
        to.attrs["layer_names"] = file.attrs["layer_names"]
    for name, options in {
        "first/first/kernel": dict(chunks=(2, 2, 3, 4), compression="gzip", shuffle=True),
        "top/top/kernel": dict(chunks=(3, 2), compression="gzip", fletcher32=True),
        "short/short/kernel": dict(dtype="<f2"),
        "norm/norm/gamma": dict(dtype="<f8"),
        "norm/norm/beta": dict(dtype=">f4"),
    }.items():
        values = to[name][()]
        del to[name]
        to.create_dataset(name, data=values, **options)
# Keras 3 before 3.6 kept no names.
with h5py.File(folder + "keras-tiny-unnamed.weights.h5", "w") as to:
    with h5py.File(folder + "keras-tiny.weights.h5") as file:
        for name in ("layers", "vars"):
            file.copy(name, to)
    to.visititems(lambda _, item: item.attrs.pop("name", None) and None)

random = np.random.RandomState(0)
safetensors.numpy.save_file(
    {
        "conv.weight": random.randn(4, 3, 3, 3).astype("f4"),
        "half": np.array([[1.5, -2.25, 0.0], [65504.0, -0.125, 3.0]], "f2"),
        "double": np.array([[1.5, -2.25, 0.0], [65504.0, -0.125, 3.0]], "f8"),
        "bn.num_batches_tracked": np.array(5),
        "bytes": np.array([0, 7, 255], "u1"),
        "signed": np.array([-1, 7, -128], "i1"),
        "empty": np.zeros((0, 3), "f4"),
    },
    folder + "mixed.safetensors",
    metadata={"format": "pt"},
)
print({name: os.path.getsize(folder + name) for name in sorted(os.listdir(folder)) if "tiny" in name})
