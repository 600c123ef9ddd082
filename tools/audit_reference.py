#!/usr/bin/env python3
"""Makes Sources/Auditing/Nulls/ReferenceNull+Values.swift of audits of honest networks.

    tools/audit_reference.py FOLDER ... > Sources/Auditing/Nulls/ReferenceNull+Values.swift

Each folder holds the audit.json of one honest network. A value is that of a statistic and a role, on the
statistic's scale; its deviation over the networks, and over the roles of a kind, is widened to at least
FLOOR; its count is that of the networks.
"""

import json
import math
import os
import sys

FISHER = {
    "interpreter-agreement", "occlusion-agreement", "re-batch-norm", "map-uniformity", "randomised-layer",
    "fine-tune-agreement"}
LOGARITHM = {"batch-norm-mean", "batch-norm-variance"}
# Of the scale: what differs between architectures beyond the few by which values were taken.
FLOOR = {
    "deletion": 0.06, "batch-norm-mean": 0.5, "batch-norm-variance": 0.35, "patch-labels": 0.08,
    "patch-heatmaps": 0.15, "interpreter-agreement-recovery": 0.08,
    "occlusion-agreement-recovery": 0.08, "deletion-recovery": 0.08, "map-uniformity-recovery": 0.08}
FISHER_FLOOR = 0.2
# Statistics that need no other network.
OWN = {"heatmap-agreement", "trigger-inversion", "tile-pointing"}


def scaled(name, value):
    if name in FISHER:
        return math.atanh(min(max(value, -0.999), 0.999))
    return math.log(max(value, 1e-6)) if name in LOGARITHM else value


def audit(folder):
    with open(os.path.join(folder, "audit.json")) as file:
        return json.load(file)


def collect(folders):
    """Values by statistic and role, each with its network's folder."""
    values = {}
    for folder in folders:
        for statistic in audit(folder)["statistics"]:
            name = statistic["name"]
            if name in OWN:
                continue
            for part in statistic["parts"]:
                for role in {part["role"], part["role"].split("#")[0]}:
                    values.setdefault(name, {}).setdefault(role, []).append((folder, scaled(name, part["value"])))
    return values


def reference(values):
    """Mean, deviation and count by statistic and role."""
    table = {}
    for name, roles in values.items():
        for role, own in roles.items():
            count = len({folder for folder, _ in own})
            if count < 3:
                continue
            own = [value for _, value in own]
            mean = sum(own) / len(own)
            deviation = math.sqrt(sum((value - mean) ** 2 for value in own) / (len(own) - 1))
            deviation = max(deviation, FLOOR.get(name, FISHER_FLOOR))
            table.setdefault(name, {})[role] = {"mean": mean, "deviation": deviation, "count": count}
    return table


def main(folders):
    print("extension ReferenceNull {")
    print("  /// Made by tools/audit_reference.py of audits of honest networks.")
    print("  static let all: [String: [String: ReferenceNull]] = [")
    for name, roles in sorted(reference(collect(folders)).items()):
        print(f'    "{name}": [')
        for role, null in sorted(roles.items()):
            print(
                f'      "{role}": ReferenceNull(mean: {null["mean"]:.4f}, '
                f'deviation: {null["deviation"]:.4f}, count: {null["count"]}),')
        print("    ],")
    print("  ]")
    print("}")


if __name__ == "__main__":
    main(sys.argv[1:])
