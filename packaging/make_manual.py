#!/usr/bin/env python3
"""Makes the manual of the program and of each of its commands out of what they say of themselves.

    packaging/make_manual.py PROGRAM FOLDER   FOLDER/trompe.1, FOLDER/trompe-fool.1, …

Pages are man(7). The date is that of the last commit, or SOURCE_DATE_EPOCH: the same sources give the
same bytes.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from pathlib import Path

from contents import moment_of_sources

EXIT_STATUS = [
    ("0", "The command has done what it was told."),
    ("1", "Something was wrong; a sentence on standard error says what, and the way out."),
    ("64", "The arguments are wrong."),
    ("128 + n", "Signal n has stopped the command; 130 is Ctrl-C. What it needs to go on is saved."),
]
ENVIRONMENT = [
    ("NO_COLOR", "If set, nothing is coloured on a terminal."),
    ("TROMPE_MAX_ISA", "Limits the instruction set: avx2 or baseline."),
    ("GOMP_SPINCOUNT, OMP_WAIT_POLICY", "How long worker threads spin before they sleep."),
]


def text(words: str) -> str:
    """A line of a page that shows exactly these characters."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    escaped = escaped.replace("^", "\\(ha").replace("~", "\\(ti").replace('"', "\\(dq")
    # A line that begins so would be a request.
    return "\\&" + escaped if escaped.startswith((".", "\\(aq")) else escaped


def quoted(words: str) -> str:
    return '"' + text(words) + '"'


def discussion(words: str):
    """Paragraphs; indented lines as they are."""
    is_open = False
    for line in words.split("\n"):
        is_literal = line.startswith("  ")
        if is_literal != is_open and line.strip():
            yield ".EX" if is_literal else ".EE"
            is_open = is_literal
        if line.strip() == "":
            yield "" if is_open else ".PP"
        elif line.rstrip().endswith("xample:") and not is_literal:
            yield ".PP"
            yield text(line)
        else:
            yield text(line)
    if is_open:
        yield ".EE"


def name_of(name: dict) -> str:
    return ("-" if name["kind"] == "short" else "--") + name["name"]


def synopsis_part(argument: dict) -> str:
    value = "\\fI" + text(argument.get("valueName", "")) + "\\fR"
    if argument["kind"] == "positional":
        part = value
    elif argument["kind"] == "flag":
        part = "\\fB" + text(name_of(argument["preferredName"])) + "\\fR"
    else:
        part = "\\fB" + text(name_of(argument["preferredName"])) + "\\fR " + value
    if argument["isOptional"]:
        part = f"[{part}]"
    return part + ("\\|.\\|.\\|." if argument["isRepeating"] else "")


def entry(argument: dict):
    """An argument with what it means."""
    value = "\\fI" + text(argument.get("valueName", "")) + "\\fR"
    if argument["kind"] == "positional":
        head = value
    else:
        names = sorted((name_of(name) for name in argument["names"]), key=len)
        head = ", ".join("\\fB" + text(name) + "\\fR" for name in names)
        if argument["kind"] == "option":
            head += " " + value
    yield ".TP"
    yield head
    abstract = argument.get("abstract", "").strip()
    if argument.get("defaultValue") not in (None, ""):
        abstract += f" (default: {argument['defaultValue']})"
    for line in abstract.split("\n"):
        if line.strip():
            yield text(line.strip())


def section(title: str, lines):
    lines = list(lines)
    if lines:
        yield f".SH {title}"
        yield from lines


def page(command: dict, path: list[str], version: str, date: str) -> str:
    name = "-".join(path)
    arguments = [argument for argument in command.get("arguments", []) if argument["shouldDisplay"]]
    subcommands = [
        sub for sub in command.get("subcommands", [])
        if sub.get("shouldDisplay", True) and sub["commandName"] != "help"]
    lines = [
        f".TH {quoted(name.upper())} 1 {quoted(date)} {quoted('trompe ' + version)} {quoted('Trompe')}",
        ".SH NAME",
        text(name) + " \\- " + text(command["abstract"].rstrip(".")),
        ".SH SYNOPSIS",
        "\\fB" + text(" ".join(path)) + "\\fR " + " ".join(
            (["\\fIcommand\\fR"] if subcommands else []) + [synopsis_part(one) for one in arguments]),
    ]
    lines += section("DESCRIPTION", discussion(command.get("discussion", "")))
    lines += section("COMMANDS", (
        line for sub in subcommands for line in (
            ".TP", "\\fB" + text("-".join([*path, sub["commandName"]])) + "\\fR(1)",
            text(sub["abstract"]))))
    positional = [one for one in arguments if one["kind"] == "positional"]
    lines += section("ARGUMENTS", (line for one in positional for line in entry(one)))
    lines += section("OPTIONS", (
        line for one in arguments if one["kind"] != "positional" for line in entry(one)))
    if len(path) == 1:
        for title, rows in (("EXIT STATUS", EXIT_STATUS), ("ENVIRONMENT", ENVIRONMENT)):
            lines += section(title, (
                line for head, meaning in rows for line in (".TP", "\\fB" + text(head) + "\\fR", text(meaning))))
    else:
        lines += [".SH SEE ALSO", "\\fB" + text("-".join(path[:-1])) + "\\fR(1)"]
    return "\n".join(lines) + "\n"


def pages(command: dict, path: list[str], version: str, date: str):
    """The pages of a command and of those below it, by file name."""
    path = [*path, command["commandName"]]
    yield "-".join(path) + ".1", page(command, path, version, date)
    for sub in command.get("subcommands", []):
        if sub.get("shouldDisplay", True) and sub["commandName"] != "help":
            yield from pages(sub, path, version, date)


def date_of_sources() -> str:
    moment = datetime.datetime.fromtimestamp(moment_of_sources(), datetime.timezone.utc)
    return moment.strftime("%Y-%m-%d")


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    program, folder = sys.argv[1], Path(sys.argv[2])

    def said(option):
        return subprocess.run([program, option], check=True, capture_output=True, text=True).stdout

    version = said("--version").split("\n")[0].split()[1]
    command = json.loads(said("--experimental-dump-help"))["command"]
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in pages(command, [], version, date_of_sources()):
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
