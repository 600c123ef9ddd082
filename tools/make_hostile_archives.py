"""Makes the hostile files of Fuzzing/Corpora/torch: pickles and zip archives that ask for what must not
be done, or claim what is not there. Tests/CheckpointsTests/HostileArchiveTests.swift says how each is
refused.

Needs only Python's standard library. Run once, by hand, from the root of the repository:
python3 tools/make_hostile_archives.py
"""

import io
import os
import pickle
import struct
import zipfile
import zlib

folder = "Fuzzing/Corpora/torch"
os.makedirs(folder, exist_ok=True)

MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
START = MAGIC + b"\x80\x02M\xe9\x03." + b"\x80\x02}(X\x0d\x00\x00\x00little_endian\x88u."


def text(value):
    value = value.encode()
    return b"X" + struct.pack("<I", len(value)) + value


def integer(value):
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(8, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def call(module, name):
    return f"c{module}\n{name}\n".encode()


def storage(key="0", count=4, kind="FloatStorage", old=False):
    return (
        b"(" + text("storage") + call("torch", kind) + text(key) + text("cpu") + integer(count)
        + (b"N" if old else b"") + b"tQ")


def tensor(shape=(4,), strides=(1,), offset=0, **options):
    return (
        call("torch._utils", "_rebuild_tensor_v2") + b"(" + storage(**options) + integer(offset)
        + b"(" + b"".join(map(integer, shape)) + b"t(" + b"".join(map(integer, strides)) + b"t\x89"
        + call("collections", "OrderedDict") + b")RtR")


def dictionary(**members):
    body = b"".join(text(key) + value for key, value in members.items())
    return b"\x80\x02}(" + body + b"u."


def write(name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def old(name, root, keys=("0",), storages=None):
    """A file as before PyTorch 1.6."""
    data = storages if storages is not None else struct.pack("<q4f", 4, 0, 1, 2, 3)
    write(name, START + root + pickle.dumps(list(keys), 2) + data)


def archive(root, entries=(("data/0", bytes(16)),), method=zipfile.ZIP_STORED):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", method) as file:
        for name, data in [("data.pkl", root), ("byteorder", b"little"), ("version", b"3\n"), *entries]:
            file.writestr(zipfile.ZipInfo("archive/" + name), data, method)
    return memory.getvalue()


def changed(data, name, place, value):
    """A field of the list of entries changed."""
    start = data.rindex(b"PK\x01\x02", 0, data.rindex(name.encode()))
    return data[:start + place] + value + data[start + place + len(value):]


good = dictionary(weight=tensor())
old("good-old.pth", dictionary(weight=tensor(old=True)))
write("good.pth", archive(good))
write("good-deflated.pth", archive(good, method=zipfile.ZIP_DEFLATED))

# What runs code in Python.
old("os-system-old.pth", b"\x80\x02" + call("os", "system") + b"(" + text("true") + b"tR.")
write("os-system.pth", archive(b"\x80\x02" + call("os", "system") + b"(" + text("true") + b"tR."))
write(
    "stack-global.pth", archive(b"\x80\x04\x8c\x02os\x8c\x06system\x93(" + text("true") + b"tR."))
write("builtins-eval.pth", archive(dictionary(a=call("builtins", "eval") + b"(" + text("1") + b"tR")))
write("newobj.pth", archive(b"\x80\x02" + call("collections", "OrderedDict") + b")\x81."))
write("instance.pth", archive(b"\x80\x02(ios\nsystem\n."))
write("extension.pth", archive(b"\x80\x02\x82\x01."))
write("build-tensor.pth", archive(dictionary(a=tensor() + b"}b")))
# The names are right, and are called as what they are not.
write("call-storage.pth", archive(dictionary(a=call("torch", "FloatStorage") + b")R")))
write("call-number.pth", archive(dictionary(a=b"K\x01)R")))
write("tensor-of-nothing.pth", archive(
    dictionary(a=call("torch._utils", "_rebuild_tensor_v2") + b"(NNNNt" + b"R")))

# Recursion and memory.
write("deep-lists.pth", archive(b"\x80\x02}" + text("a") + b"]" * 5000 + b"a" * 4999 + b"s."))
write("deep-tuples.pth", archive(b"\x80\x02}" + text("a") + b")" + b"\x85" * 5000 + b"s."))
write("cycle.pth", archive(b"\x80\x02}q\x00" + text("a") + b"h\x00s."))
laughs = b"\x80\x02}" + text("a") + b"]q\x00" + b"K\x01a0"
for depth in range(1, 25):
    laughs += b"]q" + bytes([depth]) + b"(" + (b"h" + bytes([depth - 1])) * 10 + b"e0"
write("billion-laughs.pth", archive(laughs + b"h\x18s."))
write("marks.pth", archive(b"\x80\x02" + b"(" * 5000 + b"."))
write("memo-far.pth", archive(b"\x80\x02}r\xff\xff\xff\xff0j\xfe\xff\xff\xff."))
write("text-far.pth", archive(b"\x80\x02X\xff\xff\xff\x7fab."))
write("huge-text-far.pth", archive(b"\x80\x04\x8d" + b"\xff" * 8 + b"ab."))
write("empty-stack.pth", archive(b"\x80\x02u."))
write("no-end.pth", archive(b"\x80\x02}q\x00"))
write("name-without-end.pth", archive(b"\x80\x02ctorch"))

# Sizes that lie.
old("beyond-storage-old.pth", dictionary(a=tensor(shape=(5,))))
write("beyond-storage.pth", archive(dictionary(a=tensor(shape=(2, 3), strides=(3, 1)))))
write("negative-stride.pth", archive(dictionary(a=tensor(strides=(-1,), offset=3))))
write("negative-offset.pth", archive(dictionary(a=tensor(offset=-1))))
write("negative-extent.pth", archive(dictionary(a=tensor(shape=(-4,)))))
write("expanded.pth", archive(dictionary(a=tensor(shape=(1 << 30,), strides=(0,)))))
write("overflowing.pth", archive(
    dictionary(a=tensor(shape=(1 << 40, 1 << 40), strides=(1, 1 << 62)))))
write("large-storage.pth", archive(dictionary(a=tensor(count=1 << 61, kind="DoubleStorage"))))
write("long-storage.pth", archive(dictionary(a=tensor(count=400))))
write("missing-storage.pth", archive(dictionary(a=tensor(key="1"))))
write("storage-elsewhere.pth", archive(dictionary(a=tensor(key="../../../etc/passwd"))))
old("two-sizes-old.pth", dictionary(a=tensor(), b=tensor(shape=(1,), count=1)))
old("short-old.pth", good, storages=struct.pack("<q2f", 4, 0, 1))
old("count-old.pth", good, storages=struct.pack("<q4f", 1 << 40, 0, 1, 2, 3))
old("unknown-key-old.pth", good, keys=("0", "7"))
old("no-storage-old.pth", good, keys=())
write("twice.pth", archive(b"\x80\x02}(" + (text("a") + tensor()) * 2 + b"u."))
write("no-tensors.pth", archive(dictionary(epoch=b"K\x01")))
write("list.pth", archive(b"\x80\x02](" + tensor() + b"e."))

# Archives.
whole = archive(good)
write("big-endian.pth", archive(good).replace(b"little", b"bigend"))
write("truncated.pth", whole[:-30])
write("no-directory.pth", whole[: whole.index(b"PK\x01\x02")])
write("entry-claims.pth", changed(whole, "archive/data/0", 20, struct.pack("<II", 1 << 30, 1 << 30)))
write("entry-elsewhere.pth", changed(whole, "archive/data/0", 42, struct.pack("<I", 7)))
write("entry-far.pth", changed(whole, "archive/data/0", 42, struct.pack("<I", 1 << 30)))
write("encrypted.pth", changed(whole, "archive/data/0", 8, b"\x01\x00"))
write("method.pth", changed(whole, "archive/data/0", 10, struct.pack("<H", 14)))
deflated = archive(good, method=zipfile.ZIP_DEFLATED)
write("bomb-claim.pth", changed(deflated, "archive/data.pkl", 24, struct.pack("<I", 1 << 31)))
write("other-size.pth", changed(
    deflated, "archive/data/0", 24, struct.pack("<I", 64)))
write("other-checksum.pth", changed(
    deflated, "archive/data/0", 16, struct.pack("<I", zlib.crc32(b"another"))))
bomb = archive(
    dictionary(a=tensor(shape=(1 << 22,), count=1 << 22)), [("data/0", bytes(1 << 24))],
    zipfile.ZIP_DEFLATED)
write("bomb.pth", bomb)
end = whole.rindex(b"PK\x05\x06")
write("many-entries.pth", whole[: end + 10] + struct.pack("<H", 60000) + whole[end + 12:])
write("directory-far.pth", whole[: end + 16] + struct.pack("<I", 1 << 30) + whole[end + 20:])
write("script.pth", archive(good, [("data/0", bytes(16)), ("code/__torch__.py", b"")]))
memory = io.BytesIO()
with zipfile.ZipFile(memory, "w") as file:
    file.writestr("readme.txt", "nothing")
write("other.zip.pth", memory.getvalue())
