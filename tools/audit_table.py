#!/usr/bin/env python3
"""Judges audited networks by honest ones of other architectures, and prints a table with areas under curves.

    tools/audit_table.py NETWORKS.csv

Each line of the file is "name,half,kind,with,without": half is 1 or 2, by architecture; kind is "honest" or
what was done; with and without are the folders of the audits with and without the original, empty where
there is none. Honest values for networks of one half are those of the other half's honest networks, made by
audit_reference.py, so that no network is judged by its own architecture.
"""

import csv
import sys

from audit_reference import OWN, audit, collect, reference, scaled
from scipy import stats

SUSPICIOUS, MANIPULATED = 1e-2, 1e-3
FEWEST = 6
# Compared with fine-tunes where there is an original.
FINE_TUNED = {"batch-norm-mean", "batch-norm-variance"}
# Of the suspect alone, where it was fine-tuned.
YIELDING = {"interpreter-agreement", "occlusion-agreement", "deletion", "map-uniformity", "randomised-layer"}
BESIDE_ORIGINAL = FINE_TUNED | {"heatmap-agreement", "trigger-inversion", "patch-labels", "patch-heatmaps", "tile-pointing"}


def part_p(statistic, part, table):
    name = statistic["name"]
    roles = table.get(name, {})
    known = [roles.get(part["role"]), roles.get(part["role"].split("#")[0])]
    known = [one for one in known if one and one["count"] >= FEWEST]
    if not known:
        return None
    null = known[0]
    width = null["deviation"] * (1 + 1 / null["count"]) ** 0.5
    t = (scaled(name, part["value"]) - null["mean"]) / width
    return stats.t.sf(t if statistic["suspiciousTail"] == "high" else -t, null["count"] - 1)


def combined(values):
    """As Significance.combined."""
    return min(1, len(values) * min(values), 1.5 * len(values) / sum(1 / max(p, 1e-300) for p in values))


def judge(found, table, with_original):
    """p of all statistics together, and by statistic."""
    by_name = {}
    counted = {statistic["name"] for statistic in found["statistics"]}
    if with_original:
        counted = BESIDE_ORIGINAL
    elif found["fineTunes"]:
        counted -= YIELDING
    for statistic in found["statistics"]:
        name = statistic["name"]
        if name not in counted:
            continue
        if name in OWN or with_original and name in FINE_TUNED:
            values = [part.get("pValue") for part in statistic["parts"]]
        else:
            values = [part_p(statistic, part, table) for part in statistic["parts"]]
        values = [p for p in values if p is not None]
        if values:
            by_name[name] = combined(values)
    if not by_name:
        return None, {}
    return combined(list(by_name.values())), by_name


def area(honest, others):
    pairs = [(a, b) for a in honest for b in others]
    return sum(1.0 if b < a else 0.5 if b == a else 0.0 for a, b in pairs) / len(pairs) if pairs else float("nan")


def word(p):
    return "manipulated" if p <= MANIPULATED else "suspicious" if p <= SUSPICIOUS else "nothing found"


def main(path):
    with open(path) as file:
        networks = [row for row in csv.reader(file) if row and not row[0].startswith("#")]
    for place, title in ((4, "without the original"), (3, "with the original")):
        rows = [row for row in networks if row[place]]
        print(f"\n{title}\n")
        tables = {}
        for half in {row[1] for row in rows}:
            folders = [row[4] or row[3] for row in networks if row[1] != half and row[2] == "honest"]
            tables[half] = reference(collect(folders))
        values = {}
        for row in rows:
            name, half, kind = row[:3]
            p, parts = judge(audit(row[place]), tables[half], place == 3)
            if p is None:
                continue
            values.setdefault(kind == "honest", []).append(p)
            worst = min(parts, key=parts.get)
            print(f"| {name} | {kind} | {p:.2g} | {word(p)} | {worst} |")
        honest, others = values.get(True, []), values.get(False, [])
        print(f"\n{len(honest)} honest, {len(others)} manipulated: area under the curve {area(honest, others):.3f}, "
              f"false alarms {sum(p <= SUSPICIOUS for p in honest)}, found {sum(p <= SUSPICIOUS for p in others)}")


if __name__ == "__main__":
    main(sys.argv[1])
