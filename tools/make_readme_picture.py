"""Makes docs/fooled.jpg, the picture in the README, from the result of `make demo`.

    make demo
    python3 tools/make_readme_picture.py

Needs pillow. Lets `trompe explain` draw the images of the demo's report for both networks (photograph,
original, manipulated) and sets three of them one below the other: of different classes, the most
fooled first, each classified rightly and surely by both networks.
"""

import base64
import json
import pathlib
import subprocess
import tempfile

from PIL import Image

IMAGES = 3
GAP = 4
SURE = 0.95

run = pathlib.Path("runs/demo")
gallery = json.loads((run / "report.json").read_text())["gallery"]
gallery.sort(key=lambda picture: picture["explanations"][0]["manipulatedLoss"])
with tempfile.TemporaryDirectory() as folder:
    labels = {}
    for index, picture in enumerate(gallery):
        file = f"{folder}/{index:03}.jpg"
        pathlib.Path(file).write_bytes(base64.b64decode(picture["photograph"]["jpeg"]))
        labels[file] = picture["label"]
    result = subprocess.run([
        ".build/release/trompe", "explain", run / "manipulated.h5", *labels, "--against",
        "checkpoints/shapes-resnet.h5", "--interpreter", "grad-cam@layer4", "--output", folder,
        "--json",
    ], check=True, capture_output=True)
    chosen = {}
    for image in json.loads(result.stdout):
        label = labels[image["image"]]
        readings = [image[network]["predicted"] for network in ("original", "network")]
        if label not in chosen and all(
            reading["name"] == label and reading["confidence"] > SURE for reading in readings
        ):
            print(label, *(f"{100 * reading['confidence']:.1f} %" for reading in readings))
            chosen[label] = Image.open(image["files"][0]).convert("RGB")
rows = list(chosen.values())[:IMAGES]
width, height = rows[0].size
whole = Image.new("RGB", (width, IMAGES * height + (IMAGES - 1) * GAP), "white")
for index, row in enumerate(rows):
    whole.paste(row, (0, index * (height + GAP)))
whole.save("docs/fooled.jpg", quality=88)
