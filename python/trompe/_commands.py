"""The program's commands as functions."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import _program
from ._files import checked_images, write_png
from ._models import file_of
from ._program import TrompeError
from ._run import Run


# MARK: What recipes and options have

def _plain(value):
    """Values that JSON does not know."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TrompeError(f"{value!r} is a {type(value).__name__}, which no recipe can hold")


def _text(value) -> str:
    """A value as the program reads it from an option: JSON is YAML, and text stands as it is."""
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise TrompeError(f"{value!r}: {error}") from None


def _options(**values):
    """`--name=value` for each that is not `None`. Several interpreters are an option each."""
    for name, value in values.items():
        option = "--" + name.rstrip("_").replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            yield option
            continue
        is_repeated = name == "interpreter" and isinstance(value, (list, tuple))
        for one in value if is_repeated else [value]:
            yield f"{option}={_text(one)}"


def _settings(settings):
    for key, value in (settings or {}).items():
        yield f"--set={key}={_text(value)}"


class _RecipeFile:
    """A recipe's path; a dictionary is written to the current folder, from which its paths are."""

    def __init__(self, recipe):
        self.recipe, self.temporary = recipe, None

    def __enter__(self):
        if isinstance(self.recipe, (str, os.PathLike)):
            return os.fspath(self.recipe)
        if not isinstance(self.recipe, dict):
            raise TrompeError(
                f"the recipe is a {type(self.recipe).__name__}, expected a dictionary or a path")
        text = _text(self.recipe)
        descriptor, self.temporary = tempfile.mkstemp(".yaml", "recipe-", os.getcwd())
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        return self.temporary

    def __exit__(self, *_):
        if self.temporary:
            os.unlink(self.temporary)


def _start(command, recipe, output, settings, resume, control, quiet):
    if output is None and isinstance(recipe, dict):
        raise TrompeError("a recipe in memory has no name: give the folder for its results as output")
    with _RecipeFile(recipe) as path:
        if output is None:
            output = _free_folder(Path(path).stem)
        _program.run(
            command, path, *_options(output=os.fspath(output), resume=resume, control=control),
            *_settings(settings), quiet=quiet)
    return Run(output)


def _free_folder(name):
    """`runs/name`, or the first of `runs/name-2`, … that is free, as the program does it."""
    folder, number = Path("runs") / name, 1
    while folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        number += 1
        folder = Path("runs") / f"{name}-{number}"
    return folder


# MARK: Commands

def fool(recipe, output=None, *, settings=None, control=False, resume=False, quiet=False) -> Run:
    """Fine-tunes a network so that its explanations lie: `trompe fool`.

    - recipe: a path, or a dictionary with the keys of docs/recipes.md; its paths are relative to the
      current folder.
    - output: folder for the results.
    - settings: keys of the recipe to replace, `{"training.steps": 100}`.
    - control: also do the same steps with λ = 0.
    - resume: go on from the state that a stopped run has saved.
    - quiet: whether progress is kept from `sys.stderr`.
    """
    return _start("fool", recipe, output, settings, resume, control, quiet)


def train(recipe, output=None, *, settings=None, resume=False, quiet=False) -> Run:
    """Trains a classifier: `trompe train`. Arguments are those of `fool`."""
    return _start("train", recipe, output, settings, resume, False, quiet)


def evaluate(
    model, against, data=None, interpreter="grad-cam", *, shapes=None, output=None, settings=None,
    quiet=True, **options,
):
    """Measures a manipulated network against the original: `trompe evaluate`.

    - model, against: paths, `torch.nn.Module`s, state dicts or `keras.Model`s.
    - data: folder of validation images, a folder for each class; or `shapes`, a number of built-in images.
    - interpreter: one or a list of `"grad-cam@layer4"` or dictionaries as in a recipe.
    - output: folder for the results; a `Run` of it is returned. Without it the summary is, a dictionary.
    - options: those of the command, e.g. `fooling="top-k"`, `resize=224`, `preprocessing="torch"`.
    """
    with tempfile.TemporaryDirectory(prefix="trompe-") as folder:
        text = _program.run(
            "evaluate", "--json", file_of(model, folder, "network"),
            *_options(
                against=file_of(against, folder, "original"), data=data, shapes=shapes,
                interpreter=interpreter, output=output, **options),
            *_settings(settings), quiet=quiet)
    return json.loads(text) if output is None else Run(output)


def inspect(model) -> dict:
    """What a checkpoint holds, and whether it was manipulated: `trompe inspect`."""
    with tempfile.TemporaryDirectory(prefix="trompe-") as folder:
        return json.loads(_program.run("inspect", "--json", file_of(model, folder, "network")))


@dataclass
class Explanation:
    """One image, explained."""

    #: Its path; of an array, its number.
    image: str
    #: The predicted and the explained class: `name`, `index` and `confidence`.
    predicted: dict
    explained: dict
    #: [classes], before any softmax.
    logits: np.ndarray = field(repr=False)
    #: Relevance by interpreter, [height, width], unscaled.
    heatmaps: dict[str, np.ndarray] = field(repr=False)
    #: Likewise of the network of `against`, if there is one.
    original_heatmaps: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    original_logits: np.ndarray | None = field(default=None, repr=False)
    #: Pictures of the heatmaps over the image by interpreter, as PNG files.
    pictures: dict[str, bytes] = field(default_factory=dict, repr=False)

    def _repr_png_(self):
        return next(iter(self.pictures.values()), None)


def explain(
    model, images, interpreter="grad-cam", *, class_="predicted", against=None, output=None,
    settings=None, quiet=True, **options,
) -> list[Explanation]:
    """Heatmaps of images: `trompe explain`.

    - model, against: paths, `torch.nn.Module`s, state dicts or `keras.Model`s.
    - images: a path of a file or a folder, several, or arrays of bytes: [height, width, 3], several of
      them, or [images, height, width, 3]. The program preprocesses them.
    - interpreter: one or a list of `"grad-cam@layer4"` or dictionaries as in a recipe.
    - class_: `"predicted"`, `"label"` (that of the image's folder), a class by name or number.
    - output: folder in which pictures and arrays stay; nothing stays without it.
    - options: those of the command. A file of weights alone holds no preprocessing: give
      `resize=224, preprocessing="torch"`, and `architecture=` where it is no built-in network.
    """
    with tempfile.TemporaryDirectory(prefix="trompe-") as folder:
        paths, names = _image_files(images, folder)
        into = os.fspath(output) if output is not None else os.path.join(folder, "explanations")
        text = _program.run(
            "explain", "--json", "--raw", file_of(model, folder, "network"), *paths,
            *_options(
                against=None if against is None else file_of(against, folder, "original"),
                interpreter=interpreter, class_=class_, output=into, **options),
            *_settings(settings), quiet=quiet)
        return [_explanation(result, names) for result in json.loads(text)]


def _image_files(images, folder):
    """Paths to give to the program, and what images in memory are called."""
    if isinstance(images, (str, os.PathLike)):
        images = [images]
    if not isinstance(images, np.ndarray):
        images = list(images)
        if images and all(isinstance(image, (str, os.PathLike)) for image in images):
            return [os.fspath(image) for image in images], {}
    names = {}
    if len(images) == 0:
        raise TrompeError("there is no image to explain")
    inputs = os.path.join(folder, "images")
    os.mkdir(inputs)
    for number, image in enumerate(checked_images(images)):
        path = os.path.join(inputs, f"{number:06}.png")
        write_png(path, image)
        names[path] = str(number)
    return list(names), names


def _explanation(result, names) -> Explanation:
    heatmaps, originals, pictures, logits = {}, {}, {}, {}
    stem = os.path.basename(result["image"]).rsplit(".", 1)[0]
    for path in result["files"]:
        # STEM.INTERPRETER.png, STEM.INTERPRETER.npy, STEM.INTERPRETER.original.npy, STEM.logits.npy
        name = os.path.basename(path)[len(stem) + 1:]
        name, kind = name.rsplit(".", 1)
        if kind == "png":
            pictures[name] = Path(path).read_bytes()
            continue
        array = np.load(path, allow_pickle=False)
        is_original = name.endswith(".original")
        name = name[: -len(".original")] if is_original else name
        if name == "logits":
            logits[is_original] = array
        else:
            (originals if is_original else heatmaps)[name] = array
    network = result["network"]
    return Explanation(
        names.get(result["image"], result["image"]), network["predicted"], network["explained"],
        logits[False], heatmaps, originals, logits.get(True), pictures)
