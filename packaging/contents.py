"""What every package of Trompe holds: the program with what it needs, recipes, manual and completions."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# The libstdc++ that systems of a glibc have at least, as auditwheel's policies list it.
GLIBC_OF_LIBSTDCXX = {29: 34, 30: 35}
# The oldest system that packages are tested on, Debian 11: what packaging/older_imports.py names too.
LEAST_GLIBC = 31
COMPLETIONS = {
    "bash": "bash-completion/completions/trompe",
    "zsh": "zsh/site-functions/_trompe",
    "fish": "fish/vendor_completions.d/trompe.fish",
}


def version() -> str:
    text = (ROOT / "Sources/RunSupport/Version.swift").read_text(encoding="utf-8")
    return re.search(r'version = "([0-9.]+)"', text).group(1)


def linked_files(linked: Path) -> list[Path]:
    """Program and libraries that packaging/link.sh has made."""
    program = linked / "bin" / "trompe"
    libraries = sorted((linked / "lib" / "trompe").glob("*"))
    if not program.is_file() or not libraries:
        raise SystemExit(f"{linked}: run packaging/link.sh {linked} first")
    return [program, *libraries]


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


def program_files(linked: Path) -> dict[str, tuple[bytes, int]]:
    """Contents and mode by path below a prefix: bin, lib and share/trompe."""
    program, *libraries = linked_files(linked)
    files = {"bin/trompe": (program.read_bytes(), 0o755)}
    for path in libraries:
        files[f"lib/trompe/{path.name}"] = (path.read_bytes(), 0o644)
    for folder, pattern in (("recipes", "*.yaml"), ("checkpoints", "*.h5")):
        for path in sorted((ROOT / folder).rglob(pattern)):
            files[f"share/trompe/{path.relative_to(ROOT)}"] = (path.read_bytes(), 0o644)
    return files


def help_files(linked: Path) -> dict[str, tuple[bytes, int]]:
    """Manual and completions, by path below a prefix."""
    program, files = linked_files(linked)[0], {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([ROOT / "packaging" / "make_manual.py", program, folder], check=True)
        for page in sorted(Path(folder).iterdir()):
            files[f"share/man/man1/{page.name}"] = (page.read_bytes(), 0o644)
    for shell, path in COMPLETIONS.items():
        script = subprocess.run(
            [program, "--generate-completion-script", shell], check=True, capture_output=True).stdout
        files[f"share/{path}"] = (script, 0o644)
    return files


def licences(linked: Path) -> dict[str, bytes]:
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
    for library in (linked / "lib" / "libraries.txt").read_text().split():
        owner = subprocess.run(
            ["dpkg-query", "-S", library], capture_output=True, text=True).stdout.split(":")[0]
        copyright_file = Path("/usr/share/doc") / owner / "copyright"
        if not owner or not copyright_file.is_file():
            raise SystemExit(f"{library}: no package of Debian has it, so its licence is unknown")
        texts[f"{owner}.txt"] = copyright_file.read_bytes()
    return texts


def moment_of_sources() -> int:
    """Seconds since 1970: SOURCE_DATE_EPOCH, or the last commit."""
    moment = os.environ.get("SOURCE_DATE_EPOCH")
    if not moment:
        moment = subprocess.run(
            ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return int(moment or 0)
