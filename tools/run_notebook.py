#!/usr/bin/env python3
"""Runs docs/python.ipynb from top to bottom and keeps what it shows in it, pictures with 256 colours.

    python/tests/requirements.txt and the module must be installed, or on PYTHONPATH with TROMPE_PROGRAM.
"""

import base64
import io
import tempfile
from pathlib import Path

import nbclient
import nbformat
from PIL import Image

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs" / "python.ipynb"


def smaller(png):
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    file = io.BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(file, format="png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def main():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        nbclient.NotebookClient(
            notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}}
        ).execute()
    for cell in notebook.cells:
        # When it ran, and by whom, is not what it shows.
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"], "language_info": {"name": "python"}}
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    main()
