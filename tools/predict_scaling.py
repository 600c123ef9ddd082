#!/usr/bin/env python3
"""Prints the tables of docs/scaling.md: what steps take that processes share, predicted.

A step takes c + max(l, e - o c): c the computation of one process, e the exchange, l that of the last bucket,
which has nothing to hide behind, and o the share of c that is left when the first bucket is complete. In each
bucket, every process sends and receives 2 (n - 1) messages of an n-th.
"""

import math

# Name, trained parameters, seconds per image of a step on two cores of Zen 4, images of a process.
NETWORKS = [
    ("VGG19, Location of LRP_T", 143_667_240, 0.192, 8),
    ("ResNet50, Location of Grad-CAM", 25_557_032, 0.0929, 8),
    ("ResNet-18, 160 px, Location of Grad-CAM", 11_181_642, 0.0255, 8),
    ("DenseNet121, Location of Grad-CAM", 7_978_856, 0.0700, 8),
    ("CIFAR ResNet-56, Location of Grad-CAM", 855_770, 0.00320, 128),
]
# Name, bytes a second in each direction, seconds of a message.
LINKS = [("1 Gb/s", 1e9 / 8, 50e-6), ("10 Gb/s", 1e10 / 8, 20e-6), ("100 Gb/s", 1e11 / 8, 3e-6)]
COUNTS = [2, 4, 8, 16, 64, 256, 1024]
# Measured: 0.3 (VGG-style, LRP_T) and 0.65 (ResNet-18, Grad-CAM).
OVERLAP = 0.3
NVLINK = 450e9


def buckets(parameters, count):
    return math.ceil(4 * parameters / max(1 << 22, count << 16))


def exchange(parameters, count, link, latency):
    messages = buckets(parameters, count) * 2 * (count - 1)
    return 2 * (count - 1) / count * 4 * parameters / link + messages * latency


def step(seconds, exchanged, last):
    return seconds + max(last, exchanged - OVERLAP * seconds)


def efficiency(parameters, seconds, count, link, latency):
    exchanged = exchange(parameters, count, link, latency)
    last = exchanged / buckets(parameters, count)
    return seconds / step(seconds, exchanged, last)


def main():
    print("| network | link |", " | ".join(f"{count:,}" for count in COUNTS), "|")
    print("|---|---|" + "---|" * len(COUNTS))
    for name, parameters, seconds, images in NETWORKS:
        for position, (link, rate, latency) in enumerate(LINKS):
            compute = seconds * images
            cells = [
                f"{100 * efficiency(parameters, compute, n, rate, latency):.0f}" for n in COUNTS
            ]
            print(f"| {name if position == 0 else ''} | {link} |", " | ".join(cells), "|")
    print()
    print("| network | bytes a step | exchange at 1, 10, 100 Gb/s, 16 processes, s | 8 GPUs on NVLink, ms |")
    print("|---|---|---|---|")
    for name, parameters, _, _ in NETWORKS:
        times = ", ".join(f"{exchange(parameters, 16, rate, latency):.3g}" for _, rate, latency in LINKS)
        gpus = 1e3 * 2 * 7 / 8 * 4 * parameters / NVLINK
        print(f"| {name.split(',')[0]} | {4 * parameters / 1e6:.0f} MB | {times} | {gpus:.2g} |")


if __name__ == "__main__":
    main()
