#!/usr/bin/env python3
"""Lets programs and libraries start on systems older than the one that they were linked on.

    packaging/older_imports.py FILE…   changes each FILE, of x86-64 Linux

Newer systems have given functions that did not change another version: pthread_create is GLIBC_2.34 since
the library of threads became a part of the C library. What asks for such a version takes any here, which is
the function's first one or its default. What older systems lack altogether, packaging/older_systems.c has.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

# Of the oldest system: glibc 2.31 and GCC 10's libstdc++.
NEWEST = {"GLIBC": (2, 31), "GLIBCXX": (3, 4, 28), "CXXABI": (1, 3, 12)}
ANY = 1


def is_too_new(version: str) -> bool:
    name, _, number = version.partition("_")
    if name not in NEWEST or not number.replace(".", "").isdigit():
        return False
    return tuple(map(int, number.split("."))) > NEWEST[name]


def sections(data: bytes) -> dict[str, tuple[int, int]]:
    """Offset and size by name."""
    table, entry, count, names = *struct.unpack_from("<Q", data, 0x28), *struct.unpack_from("<3H", data, 0x3A)
    heads = [struct.unpack_from("<IIQQQQ", data, table + place * entry) for place in range(count)]
    start = heads[names][4]
    return {
        data[start + head[0]: data.index(b"\0", start + head[0])].decode(): (head[4], head[5])
        for head in heads}


def needs(data: bytes, parts) -> list[tuple[int, int, str, str]]:
    """Of each version that is asked for: where it stands, its number, its library and its name."""
    strings = parts[".dynstr"][0]

    def text(offset: int) -> str:
        return data[strings + offset: data.index(b"\0", strings + offset)].decode()

    found, library = [], parts[".gnu.version_r"][0]
    while True:
        _, count, file, first, following = struct.unpack_from("<HHIII", data, library)
        place = library + first
        for _ in range(count):
            _, _, number, name, step = struct.unpack_from("<IHHII", data, place)
            found.append((place, number, text(file), text(name)))
            place += step
        if following == 0:
            return found
        library += following


def change(path: Path) -> None:
    data = bytearray(path.read_bytes())
    if data[:6] != b"\x7fELF\x02\x01":
        raise SystemExit(f"{path}: is no ELF file of 64 bits, little-endian")
    parts = sections(data)
    asked = needs(data, parts)
    newer = {number for _, number, _, name in asked if is_too_new(name)}
    start, size = parts[".gnu.version"]
    for place in range(start, start + size, 2):
        if struct.unpack_from("<H", data, place)[0] & 0x7FFF in newer:
            struct.pack_into("<H", data, place, ANY)
    # Nobody asks for these any more: each becomes one that the same library has on older systems.
    for place, number, library, name in asked:
        if number not in newer:
            continue
        older = [entry for entry in asked if entry[2] == library and entry[1] not in newer]
        if not older:
            raise SystemExit(f"{path}: asks {library} for {name} and for nothing older")
        data[place: place + 4] = data[older[0][0]: older[0][0] + 4]
        data[place + 8: place + 12] = data[older[0][0] + 8: older[0][0] + 12]
    path.write_bytes(data)


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    for path in sys.argv[1:]:
        change(Path(path))


if __name__ == "__main__":
    main()
