"""Points as an image, so that a browser draws many as fast as few.

A browser without a GPU takes seconds to draw 100,000 points, and does it again for each
change. An image of them is made within a tenth of a second and only shown.
"""

from itertools import product

import numpy as np

_FINER = 2  # pixels per pixel of the page, which are averaged: edges become soft
_NO_POINT = -1


def draw_points(x, y, colours, view, shape, diameter):
    """Draw round points with soft edges. A later one covers an earlier one.

    Parameters
    ----------
    x, y : ndarray of shape (n_points,)
    colours : uint8 ndarray of shape (n_points, 4)
        Red, green, blue and opacity.
    view : tuple of four float
        What the image shows: its left, right, lower and upper end.
    shape : tuple of two int
        Height and width of the image, in pixels.
    diameter : float
        Of a point, in pixels.

    Returns
    -------
    uint32 ndarray of the given shape
        As Bokeh's ``image_rgba`` takes it: the lowest row comes first.
    """
    height, width = shape
    fine = height * _FINER, width * _FINER
    point = _points_of_pixels(x, y, view, fine, max(round(diameter * _FINER), 1))
    opacity = colours[:, 3:].astype(np.uint32)
    weighted = np.zeros((len(colours) + 1, 4), dtype=np.uint8)  # the last: _NO_POINT
    weighted[:-1, :3] = (colours[:, :3] * opacity + 127) // 255
    weighted[:-1, 3:] = opacity
    packed = weighted.view(np.uint32)[:, 0][point]
    pixels = packed.view(np.uint8).reshape(height, _FINER, width, _FINER, 4)
    total = np.zeros((height, width, 4), dtype=np.uint32)
    for i, j in product(range(_FINER), repeat=2):
        total += pixels[:, i, :, j]
    opaque = np.maximum(total[..., 3:], 1)
    image = np.empty((height, width, 4), dtype=np.uint8)
    image[..., :3] = np.minimum((total[..., :3] * 255 + opaque // 2) // opaque, 255)
    image[..., 3] = total[..., 3] // _FINER**2
    return image.view(np.uint32)[..., 0]


def _points_of_pixels(x, y, view, shape, diameter):
    """The number of the last point on each pixel; _NO_POINT where there is none."""
    height, width = shape
    left, right, low, high = view
    across = np.floor((x - left) * (width / (right - left)) - (diameter - 1) / 2)
    up = np.floor((y - low) * (height / (high - low)) - (diameter - 1) / 2)
    is_seen = (across > -diameter) & (across < width) & (up > -diameter) & (up < height)
    seen = np.flatnonzero(is_seen).astype(np.int32)
    # A margin takes the parts of points that lie outside.
    padded = height + 2 * diameter, width + 2 * diameter
    first = (up[seen].astype(np.int64) + diameter) * padded[1]
    first += across[seen].astype(np.int64) + diameter
    found = np.full(padded[0] * padded[1], _NO_POINT, dtype=np.int32)
    for i, j in _disc(diameter):
        pixels = first + (i * padded[1] + j)
        # Of points on the same pixel, the last is assigned last: its number is largest.
        found[pixels] = np.maximum(found[pixels], seen)
    return found.reshape(padded)[diameter:-diameter, diameter:-diameter]


def _disc(diameter):
    """The pixels of a point, as rows and columns of a square."""
    places = np.arange(diameter) - (diameter - 1) / 2
    return np.argwhere(np.hypot(*np.meshgrid(places, places)) < diameter / 2)
