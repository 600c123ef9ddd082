"""Files that the program reads, written without packages beside NumPy."""

from __future__ import annotations

import json
import struct
import zlib

import numpy as np

from ._program import TrompeError

_TYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL",
}


def write_safetensors(path, arrays):
    """Arrays by name, as a file of safetensors."""
    header, place, contiguous = {}, 0, []
    for name, array in arrays.items():
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        if array.dtype.name not in _TYPES:
            raise TrompeError(
                f"{name} has elements of type {array.dtype}, expected one of {', '.join(_TYPES)}")
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        header[name] = {
            "dtype": _TYPES[array.dtype.name], "shape": list(array.shape),
            "data_offsets": [place, place + array.nbytes],
        }
        place += array.nbytes
        contiguous.append(array)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for array in contiguous:
            file.write(array.tobytes())


def write_png(path, pixels):
    """An image of bytes, [height, width, 3] or [height, width]."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    is_grey = pixels.ndim == 2
    rows = pixels.reshape(height, -1)
    filtered = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1)

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0 if is_grey else 2, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(filtered.tobytes(), 6)))
        file.write(chunk(b"IEND", b""))


def checked_images(images):
    """Images of bytes out of one array or several, each [height, width, 3], [height, width, 1] or
    [height, width]."""
    if isinstance(images, np.ndarray) and images.ndim == 4:
        images = list(images)
    elif isinstance(images, np.ndarray):
        images = [images]
    checked = []
    for number, image in enumerate(images):
        image = np.asarray(image)
        if image.dtype != np.uint8:
            raise TrompeError(
                f"image {number} has elements of type {image.dtype}, expected uint8 from 0 to 255: "
                "the program preprocesses images itself")
        if image.ndim == 3 and image.shape[2] == 1:
            image = image[:, :, 0]
        if image.size == 0 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
            raise TrompeError(
                f"image {number} has shape {list(image.shape)}, expected [height, width, 3] or "
                "[height, width]")
        checked.append(image)
    return checked
