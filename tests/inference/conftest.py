"""What the tests of inference share."""

import numpy as np
import pytest

from sklearn_hsae.inference._likelihood import LogisticLikelihood


@pytest.fixture
def without_profile_intervals(monkeypatch):
    """Firth's intervals are NaN: they take 80 % of a fit, and no p-value needs them."""
    monkeypatch.setattr(LogisticLikelihood, "profile_end", lambda *args: np.nan)
