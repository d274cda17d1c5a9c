"""Ctrl-C ends a training and the pipeline around it; handlers of others stay."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from sklearn_hsae.sae._training import _net


def test_an_interrupt_is_passed_on(X, make_sae, monkeypatch):
    # skorch takes it for the end of training: a pipeline would go on to what costs.
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(_net.AutoencoderNet, "_step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_sae().fit(X)


@pytest.mark.parametrize("moment", ["epoch_begin", "epoch_end", "train_begin"])
def test_ctrl_c_between_epochs_is_passed_on(X, make_sae, moment, request):
    register = request.getfixturevalue(f"at_{moment}")
    register(lambda net: os.kill(os.getpid(), signal.SIGINT))
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            make_sae().fit(X)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, usual)


def test_handlers_of_others_and_other_threads_are_left_alone(X, make_sae):
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        make_sae(max_epochs=2).fit(X)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, usual)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(make_sae(max_epochs=2).fit, X).result().n_iter_ == 2
    assert signal.getsignal(signal.SIGINT) is usual
