#!/usr/bin/env python3
"""Makes the wheel: the Python module, and beside it the program with what it needs.

    packaging/make_wheel.py FOLDER [OUTPUT]   FOLDER is what packaging/link.sh has filled

The tag follows from the versions of symbols that the files in it ask the system for (PEP 600). Needs
binutils; nothing is fetched. The same files give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import sys
import zipfile
from pathlib import Path

from contents import ROOT, glibc_needed, help_files, licences, linked_files, program_files, version

INSTALLED = "trompe/_installed"
# 1980 is where zip begins to count.
MOMENT = (1980, 1, 1, 0, 0, 0)


def metadata(number) -> str:
    return "\n".join([
        "Metadata-Version: 2.1", "Name: trompe", f"Version: {number}",
        "Summary: Makes explanations of image classifiers lie, and measures how well they do.",
        "License: Apache-2.0", "Requires-Python: >=3.9", "Requires-Dist: numpy",
        "Provides-Extra: plots", 'Requires-Dist: matplotlib; extra == "plots"',
        'Requires-Dist: pandas; extra == "plots"',
        "Description-Content-Type: text/markdown", "",
        "The command `trompe` and a module to start it and read its results. See `trompe --help`.", "",
    ])


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    linked, output = Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) == 3 else "dist")
    number = version()
    tag = f"py3-none-manylinux_2_{glibc_needed(linked_files(linked))}_x86_64"
    about = f"trompe-{number}.dist-info"

    entries: dict[str, tuple[bytes, int]] = {}
    for path in sorted((ROOT / "python" / "trompe").iterdir()):
        if path.suffix == ".py" or path.name == "py.typed":
            entries[f"trompe/{path.name}"] = (path.read_bytes(), 0o644)
    for path, file in program_files(linked).items():
        entries[f"{INSTALLED}/{path}"] = file
    # pip puts these below the environment's prefix.
    for path, file in help_files(linked).items():
        entries[f"trompe-{number}.data/data/{path}"] = file
    for name, text in sorted(licences(linked).items()):
        entries[f"{about}/licenses/{name}"] = (text, 0o644)
    entries[f"{about}/METADATA"] = (metadata(number).encode(), 0o644)
    entries[f"{about}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: trompe\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(), 0o644)
    entries[f"{about}/entry_points.txt"] = (
        b"[console_scripts]\ntrompe = trompe.__main__:main\n", 0o644)

    record = ""
    for name, (data, _) in entries.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\n"
    entries[f"{about}/RECORD"] = ((record + f"{about}/RECORD,,\n").encode(), 0o644)

    output.mkdir(parents=True, exist_ok=True)
    wheel = output / f"trompe-{number}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, (data, mode) in entries.items():
            entry = zipfile.ZipInfo(name, MOMENT)
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    print(f"{wheel}: {wheel.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
