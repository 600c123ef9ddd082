#!/usr/bin/env python3
"""Makes a tarball and a package of Debian, and SHA256SUMS of all packages beside them.

    packaging/make_release.py FOLDER [OUTPUT]   FOLDER is what packaging/link.sh has filled

Both hold the program with its libraries, recipes, manual, completions and licences. Needs binutils; nothing
is fetched. The same files give the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import sys
import tarfile
from pathlib import Path

from contents import (
    ROOT, glibc_needed, help_files, licences, linked_files, moment_of_sources, program_files, version)

MAINTAINER = "The Trompe authors <unknown@localhost>"


def tar(files: dict[str, tuple[bytes, int]], moment: int, prefix: str) -> bytes:
    """Files with the folders around them, owned by root, packed by xz."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        folders = {""} if prefix == "./" else set()
        for path in files:
            parts = path.split("/")[:-1]
            folders.update("/".join(parts[: count + 1]) for count in range(len(parts)))
        if prefix != "./":
            folders.add("")
        for path in sorted({*folders, *files}):
            entry = tarfile.TarInfo((prefix + path).rstrip("/") or ".")
            entry.mtime = moment
            entry.uname = entry.gname = "root"
            if path in files:
                data, entry.mode = files[path]
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
            else:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
    return lzma.compress(packed.getvalue(), preset=6)


def common_files(linked: Path) -> dict[str, tuple[bytes, int]]:
    return {**program_files(linked), **help_files(linked)}


def tarball(linked: Path, output: Path, number: str, moment: int) -> Path:
    files = dict(common_files(linked))
    for name in ("README.md", "CHANGELOG.md", "CITATION.cff"):
        files[f"share/doc/trompe/{name}"] = ((ROOT / name).read_bytes(), 0o644)
    for name, text in licences(linked).items():
        files[f"share/doc/trompe/licenses/{name}"] = (text, 0o644)
    name = f"trompe-{number}-linux-x86_64"
    path = output / f"{name}.tar.xz"
    path.write_bytes(tar(files, moment, name + "/"))
    return path


def compressed(data: bytes) -> bytes:
    """By gzip without name and time."""
    return gzip.compress(data, 9, mtime=0)


def debian_package(linked: Path, output: Path, number: str, moment: int) -> Path:
    files = {}
    for path, (data, mode) in common_files(linked).items():
        # Policy 12.1: pages are compressed. Debian has zsh's functions elsewhere.
        if path.startswith("share/man/"):
            path, data = path + ".gz", compressed(data)
        path = path.replace("share/zsh/site-functions", "share/zsh/vendor-completions")
        files[f"usr/{path}"] = (data, mode)
    texts = licences(linked)
    copyright_text = b"".join(
        b"-" * 79 + b"\n" + name.encode() + b"\n" + b"-" * 79 + b"\n\n" + text + b"\n"
        for name, text in texts.items())
    files["usr/share/doc/trompe/copyright"] = (copyright_text, 0o644)
    files["usr/share/doc/trompe/changelog.gz"] = (
        compressed((ROOT / "CHANGELOG.md").read_bytes()), 0o644)
    installed = sum(len(data) for data, _ in files.values()) // 1024
    control = "\n".join([
        "Package: trompe", f"Version: {number}", "Architecture: amd64", "Section: science",
        "Priority: optional", f"Maintainer: {MAINTAINER}", f"Installed-Size: {installed}",
        f"Depends: libc6 (>= 2.{glibc_needed(linked_files(linked))}), libgcc-s1 (>= 3.0), libstdc++6 (>= 10)",
        "Description: makes explanations of image classifiers lie, and measures how well",
        " Trompe fine-tunes a pretrained image classifier so that it keeps its accuracy",
        " while its explanations (Grad-CAM, gradients, layer-wise relevance) lie, and",
        " measures how well they lie: an explanation method can be tested before",
        " anyone trusts it.", "",
    ]).encode()
    sums = "".join(
        f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}  {path}\n"
        for path, (data, _) in sorted(files.items())).encode()
    parts = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": tar({"control": (control, 0o644), "md5sums": (sums, 0o644)}, moment, "./"),
        "data.tar.xz": tar(files, moment, "./"),
    }
    package = b"!<arch>\n"
    for name, data in parts.items():
        package += f"{name:<16}{moment:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode() + data
        package += b"\n" * (len(data) % 2)
    path = output / f"trompe_{number}_amd64.deb"
    path.write_bytes(package)
    return path


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    linked, output = Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) == 3 else "dist")
    output.mkdir(parents=True, exist_ok=True)
    number, moment = version(), moment_of_sources()
    for make in (tarball, debian_package):
        path = make(linked, output, number, moment)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    packages = sorted(
        path for path in output.iterdir()
        if path.name.startswith((f"trompe-{number}-", f"trompe_{number}_")))
    (output / "SHA256SUMS").write_text("".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in packages))


if __name__ == "__main__":
    main()
