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

# DSSIM and the squared error of standardised maps, on larger maps for the larger windows.
i = np.arange(16 * 13)
maps = {
    name: values.astype(float).reshape(16, 13)
    for name, values in {
        "a": (i * 37 + 11) % 109,
        "b": (i * i * 7 + i * 3) % 13,
        "c": (i * 37 + 11) % 109 + (i * 5) % 17,
    }.items()
}
for p, q in [("a", "b"), ("a", "c"), ("b", "c"), ("b", "b")]:
    x, y = [(m - m.min()) / (m.max() - m.min()) for m in (maps[p], maps[q])]
    likeness = structural_similarity(
        x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1
    )
    x, y = [(m - m.mean()) / np.sqrt(m.var() + 1e-5) for m in (maps[p], maps[q])]
    print(f'("{p}", "{q}", {float((1 - likeness) / 2)}, {float(((x - y) ** 2).mean())}),')
