#!/usr/bin/env python3
"""Makes an object file of ICU's data without what no command needs: of 34 MB in Swift's archive, 31 MB are
other languages' names and collations, dictionaries and converters between encodings.

    packaging/make_icu_data.py ARCHIVE OBJECT   ARCHIVE is Swift's lib_FoundationICU.a

Linked before the archive, the object's data takes the place of the archive's. What is missing is what ICU
falls back from: names and formats are those of its root locale. Needs binutils and clang.
"""

from __future__ import annotations

import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

MEMBER = "icu_packaged_data.cpp.o"
# A language, alone or with script and region.
LOCALE = re.compile(r"[a-z]{2,3}(_\w+)?")
KEPT_LOCALES = {"en", "en_US", "en_US_POSIX"}


def is_kept(name: str) -> bool:
    stem, _, extension = name.rsplit("/", 1)[-1].rpartition(".")
    if extension in ("cnv", "dict") or "/translit/" in name:
        return False
    return extension != "res" or not LOCALE.fullmatch(stem) or stem in KEPT_LOCALES


def entries(data: bytes):
    """Names and contents of a package of ICU (common data, format CmnD 1), in their order."""
    (header,) = struct.unpack_from("<H", data, 0)
    if data[2:4] != b"\xda\x27" or data[12:16] != b"CmnD" or data[16] != 1 or data[8] != 0:
        raise SystemExit(f"{MEMBER}: is no package of ICU of the form that is known here")
    (count,) = struct.unpack_from("<I", data, header)
    places = [struct.unpack_from("<II", data, header + 4 + 8 * index) for index in range(count)]
    ends = [place for _, place in places[1:]] + [len(data) - header]
    for (name, begin), end in zip(places, ends):
        text = data[header + name : data.index(b"\0", header + name)].decode()
        yield text, data[header + begin : header + end]


def package(header: bytes, kept) -> bytes:
    """The same form again; each content begins at a multiple of 16."""
    names = b"".join(name.encode() + b"\0" for name, _ in kept)
    begin = 4 + 8 * len(kept)
    place = begin + len(names)
    table, contents, at = struct.pack("<I", len(kept)), b"", begin
    start = place + (-place % 16)
    for name, content in kept:
        table += struct.pack("<II", at, start + len(contents))
        at += len(name.encode()) + 1
        contents += content + b"\0" * (-len(content) % 16)
    return header + table + names + b"\0" * (start - place) + contents


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    archive, output = Path(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        member, data = folder / "member.o", folder / "data"
        with open(member, "wb") as file:
            subprocess.run(["ar", "p", archive, MEMBER], check=True, stdout=file)
        symbols = subprocess.run(["nm", member], check=True, capture_output=True, text=True).stdout
        found = re.fullmatch(r"0+ R (icudt\d+_dat)", symbols.strip())
        if not found:
            raise SystemExit(f"{archive}({MEMBER}): expected one symbol, ICU's data, and found {symbols!r}")
        subprocess.run(
            ["objcopy", "-O", "binary", "--only-section=.rodata", member, data], check=True)
        whole = data.read_bytes()
        all_entries = list(entries(whole))
        kept = [entry for entry in all_entries if is_kept(entry[0])]
        (header,) = struct.unpack_from("<H", whole, 0)
        data.write_bytes(package(whole[:header], kept))
        source = folder / "data.s"
        source.write_text(
            f'.section .rodata\n.balign 16\n.globl {found[1]}\n.type {found[1]}, @object\n{found[1]}:\n'
            f'.incbin "{data}"\n.size {found[1]}, . - {found[1]}\n.section .note.GNU-stack,"",@progbits\n')
        subprocess.run(["clang", "-c", "-o", output, source], check=True)
        print(f"{output}: {len(kept)} of {len(all_entries)} entries, {data.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
