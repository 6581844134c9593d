"""Checks the pictures that the flow made against ones that are computed without it. Needs Pillow and NumPy.

    taskhost run flow.toml --quiet --output blurred > blurred.png
    taskhost run flow.toml --quiet --output edges > edges.png
    python3 expected.py landscape.png 6 blurred.png edges.png
"""

import sys

import numpy
from PIL import Image


def padded(pixels, by):
    return numpy.pad(pixels, [(by, by), (by, by)] + [(0, 0)] * (pixels.ndim - 2), mode="edge")


def blurred(pixels, radius):
    distances = numpy.arange(-radius, radius + 1)
    weights = numpy.exp(-0.5 * (distances / (radius / 2)) ** 2)
    weights /= weights.sum()
    height, width = pixels.shape[:2]
    wide = padded(pixels.astype(float), radius)
    rows = sum(weight * wide[radius : radius + height, i : i + width] for i, weight in enumerate(weights))
    tall = padded(numpy.floor(rows + 0.5), radius)
    return numpy.floor(sum(weight * tall[i : i + height, radius : radius + width] for i, weight in enumerate(weights)) + 0.5)


def edges(pixels):
    grey = (pixels.astype(int) @ [299, 587, 114] + 500) // 1000
    height, width = grey.shape
    wide = padded(grey, 1)
    at = lambda x, y: wide[1 + y : 1 + y + height, 1 + x : 1 + x + width]
    across = sum(weight * (at(1, y) - at(-1, y)) for y, weight in [(-1, 1), (0, 2), (1, 1)])
    down = sum(weight * (at(x, 1) - at(x, -1)) for x, weight in [(-1, 1), (0, 2), (1, 1)])
    return numpy.minimum(255, numpy.floor(numpy.hypot(across, down) + 0.5))


original, radius, *made = sys.argv[1:]
pixels = numpy.array(Image.open(original))
for path, expected in zip(made, [blurred(pixels, int(radius)), edges(pixels)]):
    difference = abs(numpy.array(Image.open(path)).astype(int) - expected)
    print(f"{path}: differs by {difference.max():.0f} at most, in {numpy.count_nonzero(difference)} of {difference.size} bytes")
    # A sum of floats may fall on the other side of a half than one of doubles.
    assert difference.max() <= 1 and numpy.count_nonzero(difference) <= difference.size / 1000
