#!/usr/bin/env python3
"""Writes Tests/ImageDataTests/Fixtures: what Pillow makes of pictures, for ImageData to equal.

Usage: make_image_fixtures.py SHARED_FOLDER   (needs Pillow and NumPy)

pillow.json      CRC-32 and some literal pixels of photographs of SHARED_FOLDER/data, decoded and
                 resized by Pillow, and of a pattern that the test draws itself.
*.jpg, *.png, *.webp, *.bmp
                 small pictures of every kind of file that is decoded, with their pixels in
                 files.json; gray.json has what Pillow's convert("L") makes of the pattern.
"""

import json
import pathlib
import sys
import zlib

import numpy
import PIL
from PIL import Image

fixtures = pathlib.Path(__file__).parent.parent / "Tests/ImageDataTests/Fixtures"
photographs = [
    "imagenette/val/n01440764/ILSVRC2012_val_00009111.JPEG",
    "imagenette/val/n03445777/ILSVRC2012_val_00020502.JPEG",
    "imagenette/val/n03028079/ILSVRC2012_val_00003351.JPEG",
    "cifar10/val/bird/0001.jpg",
]


def digest(image):
    """CRC-32 of the samples, as eight hexadecimal digits."""
    return f"{zlib.crc32(image.tobytes()):08x}"


def shorter_side(size, length):
    """torchvision.transforms.Resize(length)"""
    width, height = size
    if width <= height:
        return length, int(length * height / width)
    return int(length * width / height), length


def resized(image, size, box=None):
    result = image.resize(size, Image.BILINEAR, box=box)
    entry = {"width": size[0], "height": size[1], "crc32": digest(result)}
    if box:
        entry["box"] = box
    return entry


def describe(image, sizes, boxes=()):
    width, height = image.size
    points = [(0, 0), (width - 1, height - 1), (width // 3, height // 2), (width // 2, height // 5)]
    return {
        "width": width,
        "height": height,
        "crc32": digest(image),
        "pixels": [{"x": x, "y": y, "rgb": list(image.getpixel((x, y)))} for x, y in points],
        "resized": [resized(image, size) for size in sizes]
        + [resized(image, size, box) for size, box in boxes],
    }


def pattern(width, height):
    """The same arithmetic is in ResizeTests.swift."""
    y, x, c = numpy.meshgrid(numpy.arange(height), numpy.arange(width), numpy.arange(3), indexing="ij")
    values = (x * x * 7 + y * 13 * (c + 1) + x * y * (3 + c) + c * 50) % 256
    return Image.fromarray(values.astype(numpy.uint8), "RGB")


def main():
    shared = pathlib.Path(sys.argv[1])
    result = {"pillow": PIL.__version__, "photographs": {}, "pattern": None}
    gray = None
    for path in sorted((shared / "data/imagenette/val").glob("*/*")):
        if Image.open(path).mode == "L":
            gray = str(path.relative_to(shared / "data"))
            break
    for path in photographs + [gray]:
        image = Image.open(shared / "data" / path).convert("RGB")
        sizes = [(160, 160), (128, 128), (300, 200), shorter_side(image.size, 96)]
        result["photographs"][path] = describe(image, sizes)
    result["pattern"] = describe(
        pattern(97, 61),
        [(32, 32), (97, 20), (10, 61), (1, 1), (200, 150), (50, 122), (120, 30), (90, 20), shorter_side((97, 61), 40)],
        [((48, 48), (10.5, 3.25, 80.75, 57.0)), ((64, 30), (20, 10, 60, 40)), ((97, 61), (1, 0, 97, 61)),
         ((95, 50), (20.25, 9.5, 90, 55.75))],
    )
    (fixtures / "pillow.json").write_text(json.dumps(result, indent=1) + "\n")

    files = {}

    def keep(name, image, **options):
        image.save(fixtures / name, **options)
        decoded = Image.open(fixtures / name).convert("RGB")
        files[name] = {"width": decoded.width, "height": decoded.height, "crc32": digest(decoded)}

    small = pattern(23, 17).resize((46, 34), Image.BICUBIC)
    keep("rgb.png", small)
    keep("gray.png", small.convert("L"))
    keep("bilevel.png", small.convert("1"))
    keep("palette.png", small.quantize(12))
    transparent = small.quantize(12)
    keep("palette-transparent.png", transparent, transparency=3)
    alpha = small.copy()
    alpha.putalpha(small.convert("L"))
    keep("rgba.png", alpha)
    keep("gray-alpha.png", alpha.convert("LA"))
    keep("444.jpg", small, quality=90, subsampling=0)
    keep("422.jpg", small, quality=80, subsampling=1)
    keep("420.jpg", small, quality=70, subsampling=2)
    keep("progressive.jpg", small, quality=85, progressive=True)
    keep("gray.jpg", small.convert("L"), quality=85)
    keep("cmyk.jpg", small.convert("CMYK"), quality=90)
    keep("lossy.webp", small, quality=80)
    keep("lossless.webp", small, lossless=True)
    keep("alpha.webp", alpha, lossless=True, exact=True)
    small.save(fixtures / "animated.webp", save_all=True, append_images=[small.rotate(180)])
    keep("rgb.bmp", small)
    keep("palette.bmp", small.quantize(12))
    keep("gray.bmp", small.convert("L"))
    keep("rgba.bmp", alpha)
    gray = pattern(97, 61).convert("L")
    (fixtures / "gray.json").write_text(json.dumps({"crc32": digest(gray)}) + "\n")
    # Pillow saturates 16-bit gray at 255; the high byte is what is meant.
    sixteen = numpy.arange(12 * 9, dtype=numpy.uint16).reshape(9, 12) * 601
    Image.fromarray(sixteen).save(fixtures / "gray16.png")
    high = numpy.repeat((sixteen >> 8).astype(numpy.uint8)[:, :, None], 3, axis=2)
    files["gray16.png"] = {
        "width": 12, "height": 9, "crc32": f"{zlib.crc32(high.tobytes()):08x}"}
    (fixtures / "files.json").write_text(json.dumps(files, indent=1) + "\n")


main()
