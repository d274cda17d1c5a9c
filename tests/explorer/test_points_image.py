"""The image of the points, against drawing pixel by pixel."""

import numpy as np
import pytest

from sklearn_hsae.explorer._points_image import _FINER, draw_points


@pytest.mark.parametrize("diameter", [0.5, 1, 2, 3.6])
def test_each_pixel_has_the_colour_of_the_last_point_on_it(diameter):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 11, size=(2, 40))  # some outside the view
    colours = rng.integers(0, 256, size=(40, 4)).astype(np.uint8)
    shape, view = (20, 30), (0, 10, 0, 10)
    found = draw_points(x, y, colours, view, shape, diameter)
    pixels = found[..., None].view(np.uint8).astype(float)
    expected = _plain(x, y, colours / 255.0, shape, diameter)
    np.testing.assert_allclose(pixels[..., 3] / 255, expected[..., 3], atol=0.01)
    # Colours are whole numbers weighted by their opacity, so faint ones are coarse.
    weighted = pixels[..., :3] / 255 * expected[..., 3:]
    np.testing.assert_allclose(
        weighted, expected[..., :3] * expected[..., 3:], atol=0.01
    )


def _plain(x, y, colours, shape, diameter):
    fine = np.array(shape) * _FINER
    size = max(round(_FINER * diameter), 1)
    canvas = np.zeros((*fine, 4))
    rows, columns = np.indices(fine)
    for *place, colour in zip(y, x, colours, strict=True):
        share = np.array(place) / 10
        corner = np.floor(share * fine - (size - 1) / 2)
        middle = corner + (size - 1) / 2
        distance = np.hypot(rows - middle[0], columns - middle[1])
        canvas[distance < size / 2] = colour
    blocks = canvas.reshape(shape[0], _FINER, shape[1], _FINER, 4)
    opacity = blocks[..., 3:].mean(axis=(1, 3))
    rgb = (blocks[..., :3] * blocks[..., 3:]).mean(axis=(1, 3))
    return np.concatenate([rgb / np.maximum(opacity, 1e-9), opacity], axis=-1)


def test_a_point_stays_where_it_is():
    # A point in the middle of an image of 3 x 5 pixels; the lowest row comes first.
    red = np.array([[255, 0, 0, 255]], dtype=np.uint8)
    found = draw_points(np.array([0.5]), np.array([0.9]), red, (0, 1, 0, 1), (3, 5), 1)
    assert np.argwhere(found).tolist() == [[2, 2]]
    nothing = draw_points(np.empty(0), np.empty(0), red[:0], (0, 1, 0, 1), (3, 5), 1)
    assert not nothing.any()
