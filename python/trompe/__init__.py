"""Trompe from Python: start its commands, and read what they write.

    import trompe

    run = trompe.fool(trompe.recipe("shapes-location-gradcam"), output="runs/first")
    run.summary["fsr"], run.metrics, run.scores, run.predictions
    run.plot()

    trompe.explain(module, "images", interpreter="grad-cam@layer4", preprocessing="torch", resize=224)

Needs NumPy. Tables are pandas data frames where pandas is installed, and `plot` needs Matplotlib.
"""

from __future__ import annotations

import importlib

__all__ = [
    "Explanation", "GalleryImage", "Heatmap", "Run", "TrompeError",
    "evaluate", "explain", "fool", "inspect", "program", "recipe", "recipes", "train", "version",
]

_PLACES = {
    "Explanation": "_commands", "Run": "_run", "GalleryImage": "_run", "Heatmap": "_run",
    "TrompeError": "_program", "program": "_program", "recipe": "_program",
    "recipes": "_program", "version": "_program", "evaluate": "_commands", "explain": "_commands",
    "fool": "_commands", "inspect": "_commands", "train": "_commands",
}


# The command starts through this package: what takes time to import waits until it is used.
def __getattr__(name):
    if name == "__version__":
        return version_of_program().split()[1]
    if name in _PLACES:
        value = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)


def version_of_program():
    """The first line of `trompe --version`."""
    from ._program import version

    return version().splitlines()[0]
