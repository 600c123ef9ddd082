"""Prints the numbers of Tests/SimilarityTests: similarities of three maps by SciPy and scikit-image.

In an environment with numpy, scipy and scikit-image: python3 tools/make_similarity_literals.py
"""

import numpy as np
from scipy import ndimage, spatial, stats
from skimage.metrics import structural_similarity

height, width = 12, 9
i = np.arange(height * width)
maps = {
    # All different; many equal values; a shifted and disturbed relative of the first.
    "a": (i * 37 + 11) % 109,
    "b": (i * i * 7 + i * 3) % 13,
    "c": (i * 37 + 11) % 109 + (i * 5) % 17,
}
maps = {name: values.astype(float).reshape(height, width) for name, values in maps.items()}


def top(values, count):
    # Of equal values the first: a stable sort of the negative.
    return set(np.argsort(-values.ravel(), kind="stable")[:count])


for p, q in [("a", "b"), ("a", "c"), ("b", "c"), ("b", "b")]:
    x, y = maps[p], maps[q]
    centers = np.array([ndimage.center_of_mass(x), ndimage.center_of_mass(y)])
    numbers = [
        len(top(x, 20) & top(y, 20)) / 20,
        stats.spearmanr(x.ravel(), y.ravel()).statistic,
        stats.kendalltau(x.ravel(), y.ravel()).statistic,
        np.linalg.norm(centers[0] - centers[1]),
        spatial.distance.cosine(x.ravel(), y.ravel()),
        structural_similarity(x, y, data_range=max(x.max(), y.max()) - min(x.min(), y.min())),
    ]
    print(f'("{p}", "{q}", {[float(number) for number in numbers]}),')
