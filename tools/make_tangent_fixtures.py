"""Expected tangent spaces by numpy: neighbours by all distances, bases by its SVD.

    python tools/make_tangent_fixtures.py Tests/ProgramsTests/Fixtures/tangent-spaces.json

Images are of 8 bits with smooth structure and noise, so that spectra fall as those of photographs do.
Neighbours are by squared distance in pixels, of the image's own class, without the image itself; the
tangent space has the leading right singular vectors of their differences from their mean in the
network's normalised space (Anders et al. 2020). Nothing here is needed to build, test or run Trompe.
"""

import json
import sys

import numpy

HEIGHT, WIDTH, CHANNELS = 6, 5, 3
NEIGHBOURS, DIMENSIONS = 12, 5
MEAN = numpy.array([0.485, 0.456, 0.406])
DEVIATION = numpy.array([0.229, 0.224, 0.225])


def images(count, random):
    basis = random.normal(size=(8, HEIGHT * WIDTH * CHANNELS))
    weights = random.normal(size=(count, 8)) * numpy.array([40, 25, 18, 12, 8, 6, 4, 3])
    noise = random.normal(size=(count, HEIGHT * WIDTH * CHANNELS)) * 4
    return numpy.clip(numpy.rint(128 + weights @ basis / 3 + noise), 0, 255).astype(int)


def main():
    random = numpy.random.default_rng(7)
    training = images(60, random)
    labels = numpy.array([place % 2 for place in range(60)])
    queries = numpy.concatenate([images(3, random), training[[10, 11]]])
    classes = numpy.array([0, 1, 1, 0, 1])
    unit = numpy.tile(1 / (255 * DEVIATION), HEIGHT * WIDTH)
    # Rounded before use: these are the numbers in the file.
    gradient = random.normal(size=(len(queries), training.shape[1])).round(6)
    neighbours, singular, projected = [], [], []
    for query, label, g in zip(queries, classes, gradient):
        members = numpy.flatnonzero(labels == label)
        distances = ((training[members] - query) ** 2).sum(axis=1)
        order = [m for d, m in sorted(zip(distances, members)) if d > 0][:NEIGHBOURS]
        points = training[order] * unit
        _, s, v = numpy.linalg.svd(points - points.mean(axis=0), full_matrices=False)
        v = v[:DIMENSIONS]
        neighbours.append([int(m) for m in order])
        singular.append(s[:DIMENSIONS].tolist())
        projected.append((v.T @ (v @ g)).round(12).tolist())
    fixture = {
        "origin": f"tools/make_tangent_fixtures.py, numpy {numpy.__version__}",
        "height": HEIGHT, "width": WIDTH, "neighbourCount": NEIGHBOURS,
        "dimensions": DIMENSIONS, "mean": MEAN.tolist(), "standardDeviation": DEVIATION.tolist(),
        "training": training.tolist(), "labels": labels.tolist(), "queries": queries.tolist(),
        "classes": classes.tolist(), "gradients": gradient.tolist(),
        "neighbours": neighbours, "singularValues": singular, "projected": projected,
    }
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(fixture, file, separators=(",", ":"), sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()
