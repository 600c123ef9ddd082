"""Where the program is, and how it is started."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

# What a wheel brings along, as packaging/make_wheel.py lays it out.
_INSTALLED = Path(__file__).resolve().parent / "_installed"


class TrompeError(Exception):
    """What the program reports, in its own sentence.

    `returncode` is the program's exit code; `None` if it did not start.
    """

    def __init__(self, message, returncode=None):
        super().__init__(message)
        self.returncode = returncode


def program() -> str:
    """The path of the program: `TROMPE_PROGRAM`, the one of this wheel, or the one in `PATH`."""
    named = os.environ.get("TROMPE_PROGRAM")
    if named:
        if not os.access(named, os.X_OK) or os.path.isdir(named):
            raise TrompeError(f"TROMPE_PROGRAM is {named}, which is no program")
        if _starts_this_package(named):
            raise TrompeError(
                f"TROMPE_PROGRAM is {named}, which only starts the program that it names; unset it, or name "
                "the program itself")
        return os.path.abspath(named)
    installed = _INSTALLED / "bin" / "trompe"
    if installed.is_file():
        return str(installed)
    found = shutil.which("trompe")
    if found and not _starts_this_package(found):
        return found
    raise TrompeError(
        "the program trompe is neither in this package nor in PATH: install the wheel, or name it "
        "in TROMPE_PROGRAM")


def _starts_this_package(path) -> bool:
    """Whether it is the script that pip makes of this package's command."""
    try:
        with open(path, "rb") as file:
            start = file.read(2048)
    except OSError:
        return False
    return start.startswith(b"#!") and b"trompe.__main__" in start


def version() -> str:
    """What `trompe --version` shows: version, commit, instructions, oneDNN, HDF5, devices."""
    return run("--version").strip()


def _share() -> Path:
    """The folder of the recipes that come with the program."""
    folders = [
        _INSTALLED / "share" / "trompe",
        Path(program()).resolve().parent.parent / "share" / "trompe",
        Path(__file__).resolve().parents[2],  # a checkout
    ]
    for folder in folders:
        if (folder / "recipes").is_dir():
            return folder
    raise TrompeError(f"no recipes in {', '.join(map(str, folders))}")


def recipes() -> list[str]:
    """The names of the recipes that come with the program; those of `shapes-…` need no data."""
    folder = _share() / "recipes"
    return sorted(
        path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml")
        if not path.name.endswith(".base.yaml"))


def recipe(name: str) -> str:
    """The path of a recipe that comes with the program."""
    if name not in recipes():
        raise TrompeError(f"no recipe {name}, expected one of {', '.join(recipes())}")
    return str(_share() / "recipes" / f"{name}.yaml")


def run(*arguments, quiet: bool = True) -> str:
    """Starts the program; what it prints.

    An interrupt (Ctrl-C, or "stop" in a notebook) reaches the program, which saves what `resume` needs.

    - quiet: whether its progress is kept from `sys.stderr`; what it warns of is then a warning of Python's.
    - Raises: `TrompeError` with the program's sentence if it fails.
    """
    command = [program(), *map(str, arguments)]
    if any("\0" in argument for argument in command):
        raise TrompeError("a path or an option has a character of code 0")
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            encoding="utf-8", errors="replace")
    except OSError as error:
        raise TrompeError(f"{command[0]}: {error.strerror}") from None
    except UnicodeEncodeError as error:
        raise TrompeError(f"{error.object!r} is no text that the system knows") from None
    lines: list[str] = []

    def follow():
        for line in process.stderr:
            lines.append(line)
            if not quiet:
                sys.stderr.write(line)
                sys.stderr.flush()

    # Both streams are emptied at once: a pipe that nobody reads stops the program.
    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        output = process.stdout.read()
        code = process.wait()
    except BaseException as error:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait()
        if isinstance(error, KeyboardInterrupt):
            follower.join()
            _show_last(lines, quiet)
        raise
    finally:
        follower.join(timeout=10)
        process.stdout.close()
        process.stderr.close()
    if code != 0:
        raise TrompeError(_sentences(lines, code, command), code)
    if quiet:
        for line in lines:
            if line.startswith(_WARNING):
                warnings.warn(line[len(_WARNING):].strip(), stacklevel=3)
    return output


# How a line begins that the program goes on after.
_WARNING = "warning: "


def _show_last(lines, quiet):
    """Says where a stopped run is to be resumed."""
    if quiet and lines:
        sys.stderr.write(lines[-1])


def _sentences(lines, code, command) -> str:
    """What the program says is wrong, without its name before each sentence."""
    own = [line.split(":", 1)[1].strip() for line in lines if line.startswith("trompe:")]
    if own:
        return "\n".join(own + [line.strip() for line in lines if line.startswith(_WARNING)])
    # Wrong arguments: "Error: …" and the usage.
    text = "".join(lines).strip()
    if text:
        return text
    reason = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    return f"{command[0]} {reason} and says nothing"
