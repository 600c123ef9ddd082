"""Makes the files of Tests/CheckpointsTests/Fixtures with h5py, as others would write them.

Run once, by hand, from the root of the repository: python3 tools/make_checkpoint_fixtures.py
"""

import io
import os
import zipfile

import h5py
import numpy as np

folder = "Tests/CheckpointsTests/Fixtures"


def create(name):
    return h5py.File(os.path.join(folder, name), "w")


with create("types.h5") as f:
    values = np.array([[1.5, -2.25, 0.0], [65504.0, -0.125, 3.0]])
    f["half"] = values.astype("<f2")
    f["single"] = values.astype("<f4")
    f["double"] = values.astype("<f8")
    f["bigEndian"] = values.astype(">f4")
    f["nested/group/byte"] = np.array([0, 7, 255], "u1")
    f["nested/scalar"] = np.int64(-(2**40))
    f["flag"] = np.array([True, False])
    f["pair"] = np.array([(1, 2.0)], [("a", "i4"), ("b", "f4")])
    f["empty"] = np.zeros((0, 3), "f4")
    f["null"] = h5py.Empty("f4")
    f["layer one/wéight"] = np.float32(4)
    f["bell\x07"] = np.float32(5)
    f.create_dataset(
        "zipped", data=np.arange(600, dtype="f4").reshape(30, 20), chunks=(7, 6),
        compression="gzip", shuffle=True, fletcher32=True)
    f.attrs["variable"] = "häuser"
    f.attrs["fixed"] = np.bytes_(b"hello")
    f.attrs["names"] = ["conv1", "bn1", ""]
    f.attrs["fixedNames"] = np.array([b"a", b"bcd"])
    f.attrs["integer"] = 3
    f.attrs["number"] = 0.5
    f.attrs["numbers"] = np.array([1.0, 2.5], "f4")
    f.attrs["integers"] = np.array([[1, 2], [3, 4]])
    f.attrs["truth"] = True
    f["nested"].attrs["weight_names"] = ["kernel:0", "bias:0"]

# bfloat16 as h5py writes ml_dtypes' (opaque, two bytes), with the attribute of Keras 3 and without.
with create("bfloat16.h5") as f:
    values = np.array([[1.5, -2.25, 0.0], [2.0**100, -0.125, 3.0]], "f4")
    halves = (values.view("u4") >> 16).astype("u2")
    f["plain"] = halves.view("V2")
    f["named"] = halves.view("V2")
    f["named"].attrs["dtype"] = "bfloat16"
    f["fixed"] = halves.view("V2")
    f["fixed"].attrs["dtype"] = np.bytes_(b"bfloat16")
    f["other"] = halves.view("V2")
    f["other"].attrs["dtype"] = "float8_e4m3"
    many = (np.arange(600, dtype="f4").view("u4") >> 16).astype("u2").reshape(30, 20)
    f.create_dataset("zipped", data=many.view("V2"), chunks=(7, 6), compression="gzip")

with create("external-link.h5") as f:
    f["weight"] = h5py.ExternalLink("types.h5", "/single")
with create("soft-link.h5") as f:
    f["single"] = np.float32(1)
    f["weight"] = h5py.SoftLink("/single")
with create("external-storage.h5") as f:
    f.create_dataset("weight", (4,), "f4", external=[("/etc/passwd", 0, 16)])
with create("virtual.h5") as f:
    layout = h5py.VirtualLayout((2, 3), "f4")
    layout[:] = h5py.VirtualSource("types.h5", "single", shape=(2, 3))
    f.create_virtual_dataset("weight", layout)
with create("cycle.h5") as f:
    group = f.create_group("a/b")
    group["back"] = f["a"]
with create("deep.h5") as f:
    f.create_group("/".join(["g"] * 40))
with create("huge.h5") as f:
    f.create_dataset("weight", (2**20, 2**20, 2**20), "f4", chunks=(16, 16, 16))
with create("unwritten.h5") as f:
    f.create_dataset("weight", (1000, 1000), "f4")
with create("unwritten-chunks.h5") as f:
    f.create_dataset("weight", (1000, 1000), "f4", chunks=(100, 100))[:10, :10] = 1
with create("filter.h5") as f:
    f.create_dataset(
        "weight", data=np.zeros((64, 64), "f4"), chunks=(8, 8), scaleoffset=2)
# h5py's own compression, which HDF5 has no code for.
with create("lzf.h5") as f:
    random = np.random.RandomState(0)
    f.create_dataset("zeros", data=np.zeros((64, 64), "f4"), chunks=(64, 64), compression="lzf")
    f.create_dataset(
        "shuffled", data=np.arange(600, dtype="f4").reshape(30, 20), chunks=(7, 6),
        compression="lzf", shuffle=True)
    f.create_dataset(
        "random", data=random.randint(0, 256, (64, 8)).astype("u1"), chunks=(64, 8),
        compression="lzf")
# Keras 3's archive, its weights in chunks that only the HDF5 library reads; as Keras stores it, and as
# somebody has packed it again.
memory = io.BytesIO()
with h5py.File(memory, "w") as f:
    f.create_dataset(
        "layers/dense/vars/0", data=np.arange(600, dtype="f4").reshape(30, 20), chunks=(7, 6),
        compression="gzip")
    f["layers/dense/vars/1"] = np.arange(20, dtype="f4")
    f["layers/dense/vars"].attrs["name"] = "d"
for name, method in [("stored.keras", zipfile.ZIP_STORED), ("deflated.keras", zipfile.ZIP_DEFLATED)]:
    with zipfile.ZipFile(os.path.join(folder, name), "w", method) as file:
        for entry, data in [
            ("metadata.json", b"{}"), ("config.json", b"{}"), ("model.weights.h5", memory.getvalue())
        ]:
            file.writestr(zipfile.ZipInfo(entry), data, method)
# As Keras and PyTorch exports look: old headers, and text of variable length.
with create("old-headers.h5") as f:
    random = np.random.RandomState(0)
    for layer in range(4):
        f[f"layer{layer}.weight"] = random.randn(4, 3, 3, 3).astype("f4")
    f["bn.num_batches_tracked"] = np.int64(5)
    f["a/b"] = random.randn(5).astype("f2")
    f.create_dataset(
        "z", data=random.randn(50, 10).astype("f4"), chunks=(10, 5), compression="gzip")
    f.attrs["format"] = "trompe"
    f.attrs["names"] = ["a", "bb", "ccc"]
    f.attrs["fixed"] = np.bytes_(b"hello")
    f.attrs["number"] = 3
