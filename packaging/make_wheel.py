#!/usr/bin/env python3
"""Makes the wheel: the Python module, and beside it the program with what it needs.

    packaging/make_wheel.py FOLDER [OUTPUT]   FOLDER is what packaging/link.sh has filled

The tag follows from the versions of symbols that the files in it ask the system for (PEP 600). Needs
binutils; nothing is fetched. The same files give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INSTALLED = "trompe/_installed"
# 1980 is where zip begins to count.
MOMENT = (1980, 1, 1, 0, 0, 0)
# The libstdc++ that systems of a glibc have at least, as auditwheel's policies list it.
GLIBC_OF_LIBSTDCXX = {29: 34, 30: 35}
LEAST_GLIBC = 28


def version() -> str:
    text = (ROOT / "Sources/RunSupport/Version.swift").read_text(encoding="utf-8")
    return re.search(r'version = "([0-9.]+)"', text).group(1)


def glibc_needed(files) -> int:
    """The minor version of the oldest glibc 2 on which all of `files` start."""
    needed = LEAST_GLIBC
    for file in files:
        symbols = subprocess.run(
            ["objdump", "-T", str(file)], check=True, capture_output=True, text=True).stdout
        imported = [line for line in symbols.splitlines() if "*UND*" in line]
        for line in imported:
            if found := re.search(r"\(GLIBC_2\.(\d+)", line):
                needed = max(needed, int(found.group(1)))
            if found := re.search(r"\(GLIBCXX_3\.4\.(\d+)", line):
                number = int(found.group(1))
                if number > max(GLIBC_OF_LIBSTDCXX):
                    raise SystemExit(f"{file}: needs GLIBCXX_3.4.{number}, of which no glibc is known")
                needed = max(needed, GLIBC_OF_LIBSTDCXX.get(number, LEAST_GLIBC))
    return needed


def licences(libraries) -> dict[str, bytes]:
    """The licences of all that is inside, by name."""
    texts = {"LICENSE": (ROOT / "LICENSE").read_bytes()}
    checkouts = Path(os.environ.get("CHECKOUTS", ROOT / ".build" / "checkouts"))
    for name in ("swift-argument-parser", "Yams"):
        found = sorted((checkouts / name).glob("LICENSE*"))
        if not found:
            raise SystemExit(f"{checkouts / name}: has no licence; make build first")
        texts[f"{name}.txt"] = found[0].read_bytes()
    swift = subprocess.run(
        [os.environ.get("SWIFT", "swift"), "-print-target-info"],
        check=True, capture_output=True, text=True).stdout
    resources = Path(re.search(r'"runtimeResourcePath": "([^"]+)"', swift).group(1))
    for folder in (resources.parents[1] / "share" / "swift", resources.parents[1] / "share" / "doc" / "swift"):
        if (folder / "LICENSE.txt").is_file():
            texts["swift.txt"] = (folder / "LICENSE.txt").read_bytes()
    if "swift.txt" not in texts:
        raise SystemExit(f"{resources.parents[1]}/share: the licence of Swift is missing")
    # As Debian records them, with the file of each library that was linked or copied.
    for library in libraries:
        owner = subprocess.run(
            ["dpkg-query", "-S", library], capture_output=True, text=True).stdout.split(":")[0]
        copyright_file = Path("/usr/share/doc") / owner / "copyright"
        if not owner or not copyright_file.is_file():
            raise SystemExit(f"{library}: no package of Debian has it, so its licence is unknown")
        texts[f"{owner}.txt"] = copyright_file.read_bytes()
    return texts


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
    program = linked / "bin" / "trompe"
    libraries = sorted((linked / "lib" / "trompe").iterdir())
    if not program.is_file() or not libraries:
        raise SystemExit(f"{linked}: run packaging/link.sh {linked} first")
    tag = f"py3-none-manylinux_2_{glibc_needed([program, *libraries])}_x86_64"
    about = f"trompe-{number}.dist-info"

    entries: dict[str, tuple[bytes, int]] = {}
    for path in sorted((ROOT / "python" / "trompe").iterdir()):
        if path.suffix == ".py" or path.name == "py.typed":
            entries[f"trompe/{path.name}"] = (path.read_bytes(), 0o644)
    entries[f"{INSTALLED}/bin/trompe"] = (program.read_bytes(), 0o755)
    for path in libraries:
        entries[f"{INSTALLED}/lib/trompe/{path.name}"] = (path.read_bytes(), 0o644)
    for folder, pattern in (("recipes", "*.yaml"), ("checkpoints", "*.h5")):
        for path in sorted((ROOT / folder).rglob(pattern)):
            entries[f"{INSTALLED}/share/trompe/{path.relative_to(ROOT)}"] = (path.read_bytes(), 0o644)
    sources = (linked / "lib" / "libraries.txt").read_text().split()
    for name, text in sorted(licences(sources).items()):
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
