"""The program's commands as functions."""

from __future__ import annotations

import json
import math
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
    _check(value, "", ())
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _check(value, path, above):
    """That JSON can hold a value, and the place of what it cannot."""
    if any(value is one for one in above):
        raise TrompeError(f"{path} holds itself")
    if isinstance(value, dict):
        for key, part in value.items():
            if not isinstance(key, str):
                raise TrompeError(
                    f"{path or 'the recipe'} has the key {key!r}, a {type(key).__name__}, expected text")
            _check(part, f"{path}.{key}" if path else key, (*above, value))
    elif isinstance(value, (list, tuple)):
        for number, part in enumerate(value):
            _check(part, f"{path}[{number}]", (*above, value))
    elif isinstance(value, (float, np.floating)) and not math.isfinite(value):
        raise TrompeError(f"{path + ' is ' if path else ''}{value}, expected a finite number")


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
    if not isinstance(settings, (dict, type(None))):
        raise TrompeError(
            f"settings are a {type(settings).__name__}, expected a dictionary of keys and values")
    for key, value in (settings or {}).items():
        text = _text(value)
        # The program reads it as YAML: text in which that would see more than text is quoted.
        if isinstance(value, os.PathLike) or isinstance(value, str) and _needs_quotes(text):
            text = json.dumps(text, ensure_ascii=False)
        yield f"--set={key}={text}"


def _needs_quotes(text) -> bool:
    return (
        any(part in text for part in (" #", ": ", "\n", "\t")) and not text.startswith(("{", "["))
        or text.startswith(("&", "*", "!", "|", ">", "%", "@", "`", "#", "- ", "? ", ", "))
        or text.endswith(":") or text != text.strip())


def _argument(path) -> str:
    """A path that is taken for no option."""
    return os.path.join(".", path) if path.startswith("-") else path


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
        try:
            text = _text(self.recipe).encode()
        except UnicodeEncodeError as error:
            raise TrompeError(f"the recipe has text that is no Unicode: {error.object[:60]!r}") from None
        try:
            descriptor, self.temporary = tempfile.mkstemp(".yaml", "recipe-", os.getcwd())
            with os.fdopen(descriptor, "wb") as file:
                file.write(text)
        except OSError as error:
            self.__exit__()
            raise TrompeError(
                f"the recipe cannot be written to the current folder: {error.strerror}") from None
        return self.temporary

    def __exit__(self, *_):
        if self.temporary:
            os.unlink(self.temporary)


def _start(command, recipe, output, settings, resume, control, quiet):
    if output is None and isinstance(recipe, dict):
        raise TrompeError("a recipe in memory has no name: give the folder for its results as output")
    if not isinstance(output, (str, os.PathLike, type(None))):
        raise TrompeError(f"output is a {type(output).__name__}, expected the path of a folder")
    with _RecipeFile(recipe) as path:
        if output is None:
            output = _free_folder(Path(path).stem)
        try:
            _program.run(
                command, _argument(path),
                *_options(output=os.fspath(output), resume=resume, control=control),
                *_settings(settings), quiet=quiet)
        except TrompeError as error:
            if not isinstance(recipe, dict):
                raise
            # A dictionary has no lines, and the file is gone.
            text = str(error).replace(f"{path}:1: ", "").replace(path, "the recipe")
            raise TrompeError(text, error.returncode) from None
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
    model, against, data=None, interpreter="simple-grad", *, shapes=None, output=None, settings=None,
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
            "evaluate", "--json", _argument(file_of(model, folder, "network")),
            *_options(
                against=file_of(against, folder, "original"), data=data, shapes=shapes,
                interpreter=interpreter, output=output, **options),
            *_settings(settings), quiet=quiet)
    return json.loads(text) if output is None else Run(output)


def inspect(model) -> dict:
    """What a checkpoint holds, and whether it was manipulated: `trompe inspect`."""
    with tempfile.TemporaryDirectory(prefix="trompe-") as folder:
        return json.loads(_program.run("inspect", "--json", _argument(file_of(model, folder, "network"))))


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
    #: Of the image with `trigger`, if that was given.
    triggered_heatmaps: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    triggered_logits: np.ndarray | None = field(default=None, repr=False)
    #: Pictures of the heatmaps over the image by interpreter, as PNG files.
    pictures: dict[str, bytes] = field(default_factory=dict, repr=False)

    def _repr_png_(self):
        return next(iter(self.pictures.values()), None)


def explain(
    model, images, interpreter="simple-grad", *, class_="predicted", against=None, output=None,
    settings=None, quiet=True, **options,
) -> list[Explanation]:
    """Heatmaps of images: `trompe explain`.

    - model, against: paths, `torch.nn.Module`s, state dicts or `keras.Model`s.
    - images: a path of a file or a folder, several, or arrays of bytes: [height, width, 3], several of
      them, or [images, height, width, 3]; images of Pillow. The program preprocesses them. A file that is
      no image is omitted with a warning.
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
            "explain", "--json", "--raw", _argument(file_of(model, folder, "network")),
            *map(_argument, paths),
            *_options(
                against=None if against is None else file_of(against, folder, "original"),
                interpreter=interpreter, class_=class_, output=into, **options),
            *_settings(settings), quiet=quiet)
        return [_explanation(result, names) for result in json.loads(text)]


def _image_files(images, folder):
    """Paths to give to the program, and what images in memory are called."""
    if isinstance(images, (str, os.PathLike)):
        images = [images]
    images = _pixels(images)
    if not isinstance(images, np.ndarray):
        try:
            images = [_pixels(image) for image in images]
        except TypeError:
            raise TrompeError(
                f"images are a {type(images).__name__}, expected paths or arrays of bytes") from None
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


def _pixels(image):
    """Images of Pillow and tensors as arrays; of a picture with a palette its colours."""
    if hasattr(image, "convert") and hasattr(image, "mode"):
        return np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))
    if hasattr(image, "detach") and hasattr(image, "cpu"):
        return image.detach().cpu().numpy()
    return image


def _explanation(result, names) -> Explanation:
    parts = {"heatmaps": {}, "original_heatmaps": {}, "triggered_heatmaps": {}}
    pictures, logits = {}, {}
    # STEM.INTERPRETER.png, STEM.INTERPRETER.npy, STEM.INTERPRETER.original.npy, STEM.logits.npy; images of one
    # name have a number behind it.
    ending = ".logits.npy"
    stem = next(
        os.path.basename(path)[:-len(ending)] for path in result["files"] if path.endswith(ending))
    for path in result["files"]:
        name, kind = os.path.basename(path)[len(stem) + 1:].rsplit(".", 1)
        if kind == "png":
            pictures[name] = Path(path).read_bytes()
            continue
        array, part = np.load(path, allow_pickle=False), "heatmaps"
        for group in ("original", "triggered"):
            if name.endswith("." + group):
                name, part = name[: -len(group) - 1], f"{group}_heatmaps"
        if name == "logits":
            logits[part] = array
        else:
            parts[part][name] = array
    network = result["network"]
    return Explanation(
        names.get(result["image"], result["image"]), network["predicted"], network["explained"],
        logits["heatmaps"], original_logits=logits.get("original_heatmaps"),
        triggered_logits=logits.get("triggered_heatmaps"), pictures=pictures, **parts)
