#!/usr/bin/env python3
"""Checks every Markdown file of the repository; prints what is wrong and exits with 1 if anything is.

- No paragraph, list item or table cell has more than 120 words.
- Relative links lead to a file that exists, and anchors to a heading of it.
- Sources that a page names (`Sources/…`, `Module/File.swift`, `file.c`) exist.
- No phrase of FORBIDDEN, and outside of code none of READERS, stands outside docs/lab. Rows of
  docs/recipes.md are the program's own sentences, which a test compares: READERS leaves them alone.
- No phrase of FORBIDDEN or of IN_SOURCES stands in Sources, so that messages use the pages' words.
"""

import os
import re
import sys

MOST_WORDS = 120
ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
SKIPPED = {".build", ".dbg", ".git", "runs", "node_modules", "Fixtures", "Corpora"}
LAB = os.path.join("docs", "lab") + os.sep
KEYS = os.path.join("docs", "recipes.md")

# What no reader of another engine's source would understand, in any part of a page.
FORBIDDEN = re.compile(
    r"minimal filtering|by pairs|asked for|past the caches|photograph'?s? convolution|of today|long ago",
    re.IGNORECASE)
# What the field says otherwise, and words that tell history: text for the first, what to write for the second.
READERS = [
    (r"photographs?", "image"),
    (r"test loss(es)?", "score"),
    (r"says? (little|nothing)", "is uninformative"),
    (r"without (any )?relevance", "all-zero"),
    (r"(methods?|interpreters?) of one pass", "single-pass method"),
    (r"methods? of many samples", "sampling-based method"),
    (r"(if|is|are|be|was) left out|left out\b", "omitted"),
    (r"drawn anew", "resampled"),
    (r"in the units? of", "in units of"),
    (r"the top are", "k ="),
    (r"networks? as given|as it was\b", "original"),
    (r"trained the ordinary way|ordinary(, | )training", "standard training"),
    (r"no longer|used to be|not any ?more|nowadays|\bnow\b(?! and then)", "the present tense"),
]
READERS = [(re.compile(r"\b(" + pattern + ")", re.IGNORECASE), better) for pattern, better in READERS]

# One of the words is a key of report.json, and comments may say what is true now, or how a file was named.
IN_SOURCES = [rule for rule in READERS[1:-1] if rule[1] != "original"]

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`[^`]*`")
SOURCE = re.compile(r"`((?:Sources|Tests|tools|benchmarks|Fuzzing)/[\w+./-]+|[\w+/-]+\.(?:swift|c|h))`")


def markdown_files():
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(files):
            if name.endswith(".md"):
                yield os.path.relpath(os.path.join(folder, name), ROOT)


def source_files():
    """Paths of all sources and of the folders that they are in, each with a slash before it."""
    found = set()
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in SKIPPED - {"Fixtures", "Corpora"}]
        place = "/" + os.path.relpath(folder, ROOT).replace(os.sep, "/")
        found.add(place)
        found.update(place + "/" + name for name in files)
    return found


def names_source(name, sources):
    """Whether a path, or the end of one, is that of a source or of a folder."""
    return any(path.endswith("/" + name.rstrip("/")) for path in sources)


def blocks(text):
    """Yields (line number, kind, text) of every paragraph, list item, table cell and heading outside of code."""
    begin, lines, fence = 0, [], None
    for number, line in enumerate(text.split("\n") + [""], 1):
        bare = line.strip()
        mark = re.match(r"(```+|~~~+)", bare)
        if fence is not None:
            if mark and bare.startswith(fence):
                fence = None
            continue
        starts = bool(mark) or bare.startswith(("#", "|")) or re.match(r"([-*+]|\d+\.)\s", bare)
        if lines and (not bare or starts):
            yield begin, "text", " ".join(lines)
            lines = []
        if mark:
            fence = mark.group(1)
        elif bare.startswith("#"):
            yield number, "heading", bare.lstrip("#").strip()
        elif bare.startswith("|"):
            for cell in re.split(r"(?<!\\)\|", bare.strip("|")):
                yield number, "text", cell.strip()
        elif bare:
            if not lines:
                begin = number
            lines.append(bare)


def anchors(text):
    """The anchors that GitHub gives the headings of a page."""
    found = {}
    for _, kind, heading in blocks(text):
        if kind == "heading":
            heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
            slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            count = found.get(slug, 0)
            found[slug] = count + 1
            if count:
                found["%s-%d" % (slug, count)] = 1
    return set(found)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def problems(path, sources):
    text = read(path)
    is_lab = path.startswith(LAB)
    keys = set()
    if path == KEYS:
        keys = {n for n, line in enumerate(text.split("\n"), 1) if line.startswith("| `")}
    for number, kind, block in blocks(text):
        words = len(block.split())
        if words > MOST_WORDS:
            yield number, "a paragraph of %d words, at most %d are allowed" % (words, MOST_WORDS)
        if not (is_lab or number in keys):
            for pattern, better in READERS:
                found = pattern.search(LINK.sub("", CODE.sub("", block)))
                if found:
                    yield number, "'%s': write %s" % (found.group(0), better)
        if not is_lab:
            for name in SOURCE.findall(block):
                if not names_source(name, sources):
                    yield number, "there is no %s" % name
        for target in LINK.findall(CODE.sub("", block)):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            goal = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
            if not os.path.exists(os.path.join(ROOT, goal)):
                yield number, "link to %s, which does not exist" % target
            elif anchor and goal.endswith(".md") and anchor not in anchors(read(goal)):
                yield number, "link to %s, but %s has no such heading" % (target, goal)
    if not is_lab:
        for number, line in enumerate(text.split("\n"), 1):
            found = FORBIDDEN.search(line)
            if found:
                yield number, "'%s' is not the field's word" % found.group(0)


def source_problems(path):
    for number, line in enumerate(read(path).split("\n"), 1):
        for pattern, better in [(FORBIDDEN, "the field's word")] + IN_SOURCES:
            found = pattern.search(line)
            if found:
                yield number, "'%s': write %s" % (found.group(0), better)


def main():
    count = 0
    sources = source_files()
    for path in markdown_files():
        for number, problem in sorted(problems(path, sources)):
            print("%s:%d: %s" % (path, number, problem))
            count += 1
    for path in sorted(sources):
        if path.startswith("/Sources/") and path.endswith((".swift", ".c", ".h")):
            for number, problem in source_problems(path[1:]):
                print("%s:%d: %s" % (path[1:], number, problem))
                count += 1
    if count:
        sys.exit(1)


main()
