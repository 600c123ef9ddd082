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

FISHER = {"interpreter-agreement", "re-batch-norm", "map-uniformity", "randomised-layer", "fine-tune-stability"}
LOGARITHM = {"batch-norm-mean", "batch-norm-variance"}
# Of the scale: what differs between architectures beyond the few by which values were taken.
FLOOR = {"deletion": 0.06, "trigger-inversion": 0.8, "batch-norm-mean": 0.5, "batch-norm-variance": 0.35}
FISHER_FLOOR = 0.2


def scaled(name, value):
    if name in FISHER:
        return math.atanh(min(max(value, -0.999), 0.999))
    return math.log(max(value, 1e-6)) if name in LOGARITHM else value


def main(folders):
    values = {}
    for folder in folders:
        with open(os.path.join(folder, "audit.json")) as file:
            audit = json.load(file)
        for statistic in audit["statistics"]:
            name = statistic["name"]
            if name == "heatmap-agreement":
                continue
            for part in statistic["parts"]:
                for role in {part["role"], part["role"].split("#")[0]}:
                    values.setdefault(name, {}).setdefault(role, []).append((folder, scaled(name, part["value"])))
    print("extension ReferenceNull {")
    print("  /// Made by tools/audit_reference.py of audits of honest networks.")
    print("  static let all: [String: [String: ReferenceNull]] = [")
    for name, roles in sorted(values.items()):
        print(f'    "{name}": [')
        for role, own in sorted(roles.items()):
            count = len({folder for folder, _ in own})
            own = [value for _, value in own]
            if count < 3:
                continue
            mean = sum(own) / len(own)
            deviation = math.sqrt(sum((value - mean) ** 2 for value in own) / (len(own) - 1))
            floor = FLOOR.get(name, FISHER_FLOOR)
            deviation = max(deviation, floor)
            print(
                f'      "{role}": ReferenceNull(mean: {mean:.4f}, deviation: {deviation:.4f}, count: {count}),')
        print("    ],")
    print("  ]")
    print("}")


main(sys.argv[1:])
