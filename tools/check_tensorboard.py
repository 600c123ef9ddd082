"""Checks that TensorBoard's own reader finds in a run's event file what its metrics.jsonl holds.

Not a part of the build. In an environment with tensorboard (2.21 was used), from the root of the
repository:

    swift build -c release --product trompe
    .build/release/trompe fool recipes/shapes-location-gradcam.yaml --tensorboard --output runs/events
    python3 tools/check_tensorboard.py runs/events
"""

import json
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

folder = sys.argv[1]
events = EventAccumulator(folder, size_guidance={"scalars": 0})
events.Reload()
found = {
    (tag, event.step): event.value for tag in events.Tags()["scalars"]
    for event in events.Scalars(tag)
}
names = {
    "loss": "loss", "crossEntropy": "cross-entropy", "penalty": "penalty",
    "learningRate": "learning-rate", "imagesPerSecond": "images-per-second", "top1": "top-1",
    "top5": "top-5",
}
expected = {}
with open(f"{folder}/metrics.jsonl") as file:
    for line in map(json.loads, file):
        group = "train" if line["kind"] == "step" else "validation"
        values = {names[key]: line[key] for key in names if key in line}
        values |= {f"fsr-{name}": rate for name, rate in line.get("fsr", {}).items()}
        values |= {
            f"vanished-maps-{name}": share for name, share in line.get("vanishedMaps", {}).items()
        }
        for name, value in values.items():
            # Events have single precision.
            expected[f"{group}/{name}", line["step"]] = struct.unpack("f", struct.pack("f", value))[0]
for tag in sorted({tag for tag, _ in expected | found}):
    steps = [step for name, step in expected if name == tag]
    good = all(found.get((tag, step)) == expected[tag, step] for step in steps)
    print(f"{tag:40} {len(steps):6} values {'agree' if good else 'DIFFER'}")
if found != expected:
    sys.exit(f"{len(found)} values read, {len(expected)} in metrics.jsonl, and they differ")
