"""What a run has written."""

from __future__ import annotations

import base64
import contextlib
import csv
import io
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ._program import TrompeError


@dataclass
class Heatmap:
    """A heatmap of the report's gallery, scaled by its own largest relevance."""

    #: [height, width], from 0 to 1; of signed maps from -1 to 1.
    values: np.ndarray
    is_signed: bool


@dataclass
class GalleryImage:
    """An image of the report's gallery, explained before and after."""

    name: str
    label: str | None
    interpreter: str
    #: The class that is explained.
    class_name: str
    #: A JPEG file.
    jpeg: bytes
    original: Heatmap
    manipulated: Heatmap
    #: By the original and the manipulated network: `className` and `confidence`.
    original_prediction: dict
    manipulated_prediction: dict
    #: Of the fooling's criterion.
    original_score: float | None
    manipulated_score: float | None

    @property
    def pixels(self) -> np.ndarray:
        """[height, width, 3], bytes; needs Pillow, which Matplotlib brings along."""
        try:
            from PIL import Image
        except ImportError:
            raise TrompeError("Pillow is missing, which reads JPEG: pip install pillow") from None
        try:
            return np.asarray(Image.open(io.BytesIO(self.jpeg)).convert("RGB"))
        except OSError as error:
            raise TrompeError(f"{self.name}: its picture in report.json is damaged: {error}") from None


class Run:
    """The output folder of `trompe fool`, `trompe evaluate` or `trompe train`.

    Files are read when they are needed. Tables are pandas data frames where pandas is installed, and
    dictionaries of arrays by column otherwise.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise TrompeError(f"{self.folder}: no such folder")
        if not any((self.folder / name).is_file() for name in ("summary.json", "metrics.jsonl")):
            raise TrompeError(
                f"{self.folder}: holds no run, neither summary.json nor metrics.jsonl is there")

    def __repr__(self):
        return f"trompe.Run({os.fspath(self.folder)!r})"

    def __str__(self):
        if not (self.folder / "summary.json").is_file():
            return f"{self.folder}: not finished"
        summary, lines = self.summary, [f"{self.folder}"]
        accuracy = summary.get("accuracy")
        if accuracy:
            lines.append(
                f"top-1 {100 * accuracy['original']['top1']:.2f} % before, "
                f"{100 * accuracy['manipulated']['top1']:.2f} % after")
        for name, rate in sorted(summary.get("fsr", {}).items()):
            before = summary.get("fsrOriginal", {}).get(name)
            lines.append(
                f"FSR {name} " + ("" if before is None else f"{100 * before:.2f} % before, ")
                + f"{100 * rate:.2f} % after")
        if "top1" in summary:
            lines.append(f"top-1 {100 * summary['top1']:.2f} %")
        return "\n".join(lines)

    # MARK: Files

    def _text(self, name) -> str:
        path = self.folder / name
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise TrompeError(f"{path}: no such file; has the run finished?") from None
        except (OSError, UnicodeDecodeError) as error:
            raise TrompeError(f"{path} cannot be read: {error}") from None

    @contextlib.contextmanager
    def _reading(self, name):
        """Says which file is damaged where it does not hold what it should."""
        try:
            yield
        except TrompeError as error:
            raise TrompeError(f"{self.folder / name}: {error}") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TrompeError(
                f"{self.folder / name} is damaged: {type(error).__name__}: {error}") from None

    def _json(self, name) -> dict:
        text = self._text(name)
        with self._reading(name):
            content = json.loads(text)
            if not isinstance(content, dict):
                raise TrompeError(f"is a {type(content).__name__}, expected an object")
            return content

    def _rows(self, name, may_be_cut=False):
        text = self._text(name)
        with self._reading(name):
            return _lines(text, may_be_cut)

    @cached_property
    def summary(self) -> dict:
        """`summary.json`: accuracies, success rates, settings, files."""
        return self._json("summary.json")

    @property
    def metrics(self):
        """`metrics.jsonl`: a row for each logged step and each validation, by `kind`. Read anew each
        time, since a run may be going on."""
        return _table(self._rows("metrics.jsonl", may_be_cut=True))

    @cached_property
    def scores(self):
        """`test-losses.jsonl`: the scores of each image and interpreter by each network."""
        return _table(self._rows("test-losses.jsonl"))

    @cached_property
    def predictions(self):
        """`predictions.csv`: a row for each validation image and network."""
        text = self._text("predictions.csv")
        with self._reading("predictions.csv"):
            reader = csv.DictReader(io.StringIO(text, newline=""))
            missing = {"image", "network", "correct"} - set(reader.fieldnames or [])
            if missing:
                raise TrompeError(f"has no column {', '.join(sorted(missing))}")
            rows = []
            for row in reader:
                if None in row or None in row.values():
                    raise TrompeError(
                        f"line {reader.line_num} has another number of cells than the first line")
                rows.append({
                    key: float(value) if key.endswith("confidence") else
                    value == "true" if key == "correct" else value
                    for key, value in row.items()
                })
            return _table(rows)

    @property
    def recipe(self) -> str:
        """`recipe.yaml`, with every default filled in."""
        return self._text("recipe.yaml")

    @property
    def network(self) -> Path:
        """The file of the resulting network."""
        for name in ("manipulated", "network"):
            for path in sorted(self.folder.glob(f"{name}.*")):
                return path
        raise TrompeError(f"{self.folder}: no network there; has the run finished?")

    @property
    def report(self) -> Path:
        """The page of the run."""
        return self.folder / "report.html"

    # MARK: Heatmaps

    @cached_property
    def _report(self) -> dict:
        report = self._json("report.json")
        with self._reading("report.json"):
            if not isinstance(report["gallery"], list):
                raise TrompeError("has no gallery")
        return report

    @property
    def interpreters(self) -> list[str]:
        """The names of those that the gallery shows, the fooled one first."""
        report = self._report
        with self._reading("report.json"):
            return list(dict.fromkeys(
                explanation["interpreter"]
                for picture in report["gallery"] for explanation in picture["explanations"]))

    def heatmaps(self, interpreter=None) -> list[GalleryImage]:
        """The images of the report's gallery with their heatmaps before and after.

        - interpreter: a name of `interpreters`; the first if `None`.
        """
        names = self.interpreters
        if not names:
            raise TrompeError(f"{self.folder}/report.json: the gallery is empty")
        interpreter = names[0] if interpreter is None else interpreter
        if interpreter not in names:
            raise TrompeError(
                f"{self.folder}: no heatmaps of {interpreter}, expected one of {', '.join(names)}")
        report = self._report
        with self._reading("report.json"):
            return [
                GalleryImage(
                    picture["name"], picture.get("label"), interpreter, explanation["className"],
                    base64.b64decode(picture["photograph"]["jpeg"]),
                    _heatmap(explanation["original"]), _heatmap(explanation["manipulated"]),
                    picture["original"], picture["manipulated"],
                    explanation.get("originalLoss"), explanation.get("manipulatedLoss"))
                for picture in report["gallery"] for explanation in picture["explanations"]
                if explanation["interpreter"] == interpreter
            ]

    def plot(self, interpreter=None, images=6):
        """A Matplotlib figure: the loss while training, and images with their heatmaps before and after.

        - interpreter: a name of `interpreters`; the first if `None`.
        - images: how many at most.
        """
        figure_class = _figure_class()
        has_gallery = (self.folder / "report.json").is_file()
        has_gallery = has_gallery and (interpreter is not None or bool(self.interpreters))
        shown = self.heatmaps(interpreter)[:max(0, images)] if has_gallery else []
        rows = [
            row for row in self._rows("metrics.jsonl", may_be_cut=True) if row.get("kind") == "step"
        ] if (self.folder / "metrics.jsonl").is_file() else []
        columns = max(1, len(shown))
        # Made without pyplot: no window opens, and nothing stays in memory.
        figure = figure_class(
            figsize=(1.7 * max(columns, 4), (2.2 if rows else 0) + (5.2 if shown else 0)),
            layout="constrained")
        heights = ([2.2] if rows else []) + ([1.7] * 3 if shown else [])
        grid = figure.add_gridspec(max(1, len(heights)), columns, height_ratios=heights or [1])
        if rows:
            curve = figure.add_subplot(grid[0, :])
            _plot_curve(curve, rows)
        for column, image in enumerate(shown):
            pixels, first = image.pixels, 1 if rows else 0
            parts = [(None, image.label or ""), (image.original, image.original_prediction),
                     (image.manipulated, image.manipulated_prediction)]
            for row, (heatmap, text) in enumerate(parts):
                axes = figure.add_subplot(grid[first + row, column])
                axes.imshow(pixels, extent=(0, 1, 1, 0))
                if heatmap is not None:
                    axes.imshow(
                        heatmap.values, extent=(0, 1, 1, 0), alpha=0.6, interpolation="bilinear",
                        cmap="coolwarm" if heatmap.is_signed else "inferno",
                        vmin=-1 if heatmap.is_signed else 0, vmax=1)
                    text = f"{text['className']} {100 * text['confidence']:.0f} %"
                axes.set_title(text, fontsize=8)
                axes.set_xticks([])
                axes.set_yticks([])
                if column == 0:
                    axes.set_ylabel(["image", f"{image.interpreter}\nbefore", "after"][row], fontsize=8)
        return figure


def _figure_class():
    """Figures that a notebook shows without pyplot."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise TrompeError(
            "Matplotlib is missing, which draws the figure: pip install matplotlib") from None

    class ShownFigure(Figure):
        def _repr_png_(self):
            file = io.BytesIO()
            self.savefig(file, format="png", dpi=self.dpi)
            return file.getvalue()

    return ShownFigure


def _plot_curve(axes, rows):
    steps = [row["step"] for row in rows]
    for key, text in (("crossEntropy", "cross-entropy"), ("penalty", "penalty")):
        if all(key in row for row in rows):
            axes.plot(steps, [row[key] for row in rows], label=text)
    axes.set_xlabel("step", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=8, frameon=False)


def _heatmap(part) -> Heatmap:
    """One byte for each pixel; of signed maps 128 is zero."""
    levels = np.frombuffer(base64.b64decode(part["levels"]), np.uint8)
    shape = (part["height"], part["width"])
    if levels.size != shape[0] * shape[1]:
        raise TrompeError(
            f"report.json: a heatmap has {levels.size} levels, expected {shape[0]} × {shape[1]}")
    levels = levels.reshape(shape).astype(np.float32)
    if part["isSigned"]:
        return Heatmap((levels - 128) / 127, True)
    return Heatmap(levels / 255, False)


# MARK: Tables

def _lines(text, may_be_cut) -> list[dict]:
    """One object a line; the last line may be cut off while a run writes it."""
    # Other ends of a line, such as U+2028, may stand in names.
    lines, rows = text.removesuffix("\n").split("\n") if text else [], []
    for number, line in enumerate(lines):
        try:
            rows.append(json.loads(line))
        except ValueError:
            if not may_be_cut or number < len(lines) - 1:
                raise TrompeError(f"line {number + 1} is no JSON: {line[:60]!r}") from None
        if rows and not isinstance(rows[-1], dict):
            raise TrompeError(f"line {number + 1} is no object: {line[:60]!r}")
    return rows


def _table(rows):
    columns = list(dict.fromkeys(key for row in rows for key in row))
    try:
        import pandas
    except ImportError:
        return {name: _column([row.get(name) for row in rows]) for name in columns}
    return pandas.DataFrame(rows, columns=columns)


def _column(values) -> np.ndarray:
    """Numbers with NaN where there is none; else text or objects as they are."""
    numbers = [value for value in values if value is not None]
    if numbers and all(type(value) is bool for value in numbers) and len(numbers) == len(values):
        return np.array(values)
    if numbers and all(type(value) in (int, float) for value in numbers):
        if len(numbers) == len(values) and all(type(value) is int for value in numbers):
            return np.array(values)
        return np.array([np.nan if value is None else value for value in values], np.float64)
    if numbers and all(type(value) is str for value in numbers) and len(numbers) == len(values):
        return np.array(values)
    column = np.empty(len(values), object)
    column[:] = values
    return column
