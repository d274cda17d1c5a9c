"""What the tests of inference share."""

import numpy as np
import pytest

from sklearn_hsae.inference._likelihood import LogisticLikelihood


@pytest.fixture
def without_profile_intervals(monkeypatch):
    """Firth's intervals are NaN: 80 % of the time of a fit, and no part of a p-value."""
    monkeypatch.setattr(LogisticLikelihood, "profile_end", lambda *args: np.nan)
