import os
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
# An installed wheel is tested as it is; a checkout with the program that it has built.
if "TROMPE_INSTALLED" not in os.environ:
    sys.path.insert(0, str(ROOT / "python"))
    os.environ.setdefault("TROMPE_PROGRAM", str(ROOT / ".build" / "release" / "trompe"))
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

NETWORK = ROOT / "checkpoints" / "shapes-resnet.h5"


def small_recipe(**training):
    return {
        "network": {"checkpoint": NETWORK},
        "data": {"shapes": {"train": 64, "validation": 20, "seed": 2}},
        "fooling": {"name": "location", "lambda": np.float32(8)},
        "interpreter": {"name": "grad-cam", "layer": "layer4", "leak": 0.1},
        "training": {"learningRate": 1e-3, "steps": 6, "batchSize": 8, "seed": 1, **training},
        "evaluation": {"batchSize": 10, "interpreters": []},
    }


@pytest.fixture
def recipe():
    return small_recipe()


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    import trompe

    return trompe.fool(small_recipe(), tmp_path_factory.mktemp("runs") / "small", quiet=True)


@pytest.fixture(scope="session")
def pictures(run):
    """Four images of bytes, [4, 64, 64, 3]."""
    return np.stack([image.pixels for image in run.heatmaps()[:4]])
