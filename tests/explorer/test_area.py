"""Points in a drawn area, against matplotlib."""

import numpy as np
import pytest
from matplotlib.path import Path

from sklearn_hsae.explorer._area import in_box, in_polygon


@pytest.mark.parametrize("n_corners", [3, 5, 60])
def test_points_in_a_polygon_that_may_cross_itself(n_corners):
    rng = np.random.default_rng(n_corners)
    corners = rng.normal(size=(n_corners, 2))
    points = rng.normal(size=(2000, 2)).astype(np.float32)
    found = in_polygon(*points.T, *corners.T)
    inside = Path(corners).contains_points(points)
    winding_differs = n_corners == 60  # matplotlib counts turns, here sides alternate
    assert found.any() and not found.all()
    assert winding_differs or (found == inside).all()
    plain = [_is_inside(x, y, corners) for x, y in points.astype(float)]
    assert found.tolist() == plain


def _is_inside(x, y, corners):
    n_crossed = 0
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (y1 > y) != (y2 > y):
            n_crossed += x > x1 + (y - y1) * (x2 - x1) / (y2 - y1)
    return n_crossed % 2 == 1


def test_corners_on_the_height_of_points_are_counted_once():
    x, y = np.array([0.0, 0.5, 2.0]), np.array([0.0, 0.0, 0.0])
    assert in_polygon(x, y, [-1, 1, 1, -1], [-1, 0, 0, 1]).tolist() == [1, 1, 0]
    assert not in_polygon(x, y, [0, 1], [0, 0]).any()


def test_a_box_can_be_drawn_from_any_corner():
    x, y = np.array([0.0, 1, 2]), np.array([0.0, 1, 2])
    assert in_box(x, y, 1.5, 0.5, 0, 1).tolist() == [False, True, False]
