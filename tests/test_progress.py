"""Progress bars: once per state, in a terminal and in a file."""

import io
import sys

import numpy as np
import pytest

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae._progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_file_keeps_the_start_and_the_end(monkeypatch, kind):
    monkeypatch.setattr(sys, "stderr", stderr := kind())
    with progress_bar(total=50, desc="Reading", mininterval=0) as bar:
        for _ in range(50):
            bar.update()
    states = stderr.getvalue().strip().split("\r")
    n_states = len([state for state in states if state])
    assert n_states == 2 if kind is io.StringIO else n_states > 2
    assert "Reading: 100%" in states[-1]


def test_no_epoch_is_drawn_twice(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stderr := io.StringIO())
    X = np.random.default_rng(0).normal(size=(60, 4))
    MatryoshkaSAETransformer(8, 2, max_epochs=5, verbose=1, random_state=0).fit(X)
    states = [state for state in stderr.getvalue().split("\r") if state.strip()]
    assert len(states) == 2 and "loss=" in states[-1] and "100%" in states[-1]
